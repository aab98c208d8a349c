/** zod: the schema library behind `configs/`. @module */
export { z } from "npm:zod@4.6.7";
