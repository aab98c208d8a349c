/** string-width: the number of columns that a text takes on a terminal. @module */
export { default as stringWidth } from "npm:string-width@9.0.0";
