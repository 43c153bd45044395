/**
 * SendGrid's operations that are not built, each with the reason. The list only shrinks: whoever builds one deletes its line, and adds what
 * it needs to examples/. A test refuses a line of what is built, and whatever is neither here nor a route. Routes that are there and refuse everybody are on another list (`REFUSED`, examples/).
 */
export const NOT_BUILT: Readonly<Record<string, string>> = {};
