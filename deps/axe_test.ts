/** axe-core (MPL-2.0): finds what is wrong with pages for people who do not see them (tests only). @module */
import axe from "npm:axe-core@4.14.1";

/** The program that a page runs; it defines `axe`. */
export const axeSource: string = axe.source;
