/** How the rules have changed since the first measurement by them, and which verdicts that changed; the page prints it. */
export const ruleChanges: readonly string[] = [
  "*Contradicted* takes half of the statements, as *in part* does, where more against than for were enough: “A unit matters to a few classes” was contradicted with ten classes before, and became inconclusive.",
  "Intervals over networks and images add both reaches; with few networks they were too narrow. A number of the paper is reached only if the whole interval reaches half of it.",
  "“Removing one unit hardly changes the overall accuracy”: units must surely cost less than a point, each by its own interval; conv2 became open, the verdict stayed.",
  "“Removing one unit damages some class”: “at least 3 times” is decided by an interval, and a statement about networks that learned nothing was taken out, since controls are not to change a claim's verdict (it was the claim's only one against); it stayed in part.",
  "“One unit can cost a class half of its accuracy” is asked of ten classes too, since nothing keeps a unit from it: weaker, where it was not asked.",
  "“A unit matters to a few classes”: effects on log-probability count as power, since they are found before images are lost: in part with ten classes, where it was inconclusive.",
  "“Ten to fifteen units carry a class” and “Units are more class-specific than random directions” are judged over all plain networks at conv5, where one stood for all, and by shares and drops that do not flatter either side; both stayed the same.",
  "“Selective units hurt the overall accuracy less”: a sign counts only if it is the same without a unit's own class, a tenth of all images with ten classes: inconclusive, where it was contradicted.",
  "“Class selectivity and other attributes predict the damage to a class”: surely weak correlations are weaker, and selectivity and correlation must beat concept alignment, as the paper says; it stayed in part.",
  "“Dropout of units spreads class information at its layer” asks for drops of at most half of the plain ones, since the paper calls the effect great; it stayed the same.",
  "Claims about batch norm and dropout have no control by networks that learned nothing; a control needs two such networks, and all of its numbers must agree.",
  "A hundred classes: networks are compared on the same images (the first 50 of every class), and the main network is asked at conv4 and conv5 on all of its images besides. At first its images were all in the comparisons too, four times as many as the others', so that several networks together had no intervals and their statements on single units were open: “Removing one unit hardly changes the overall accuracy” is in part, where it was inconclusive; “A unit matters to a few classes” is in part, where it was the same.",
];
