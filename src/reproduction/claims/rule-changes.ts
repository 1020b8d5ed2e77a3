/** How the rules have changed since the first measurement by them, and which verdicts that changed; the page prints it. */
export const ruleChanges: readonly string[] = [];
