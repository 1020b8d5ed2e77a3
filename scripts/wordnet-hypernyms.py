"""Writes classes/wordnet-hypernyms.txt: what each of ImageNet's classes is a kind of, up to `entity`.

From WordNet 3.0 (Princeton University, https://wordnet.princeton.edu), Debian's package wordnet-base.
usage: /usr/bin/python3 scripts/wordnet-hypernyms.py [/usr/share/wordnet/data.noun]
"""
import pathlib
import sys

classes = pathlib.Path(__file__).parent.parent / "classes"
source = sys.argv[1] if len(sys.argv) > 1 else "/usr/share/wordnet/data.noun"
hypernyms = {}
for line in open(source):
    if line.startswith("  "):
        continue
    fields = line.split(" | ")[0].split()
    at = 4 + 2 * int(fields[3], 16)
    pointers = fields[at + 1 : at + 1 + 4 * int(fields[at])]
    hypernyms[fields[0]] = [
        pointers[i + 1] for i in range(0, len(pointers), 4) if pointers[i] in ("@", "@i") and pointers[i + 2] == "n"
    ]
waiting = [line.split()[0][1:] for line in open(classes / "imagenet-1k.txt") if line.startswith("n")]
found = {}
while waiting:
    synset = waiting.pop()
    if synset not in found:
        found[synset] = hypernyms[synset]
        waiting += hypernyms[synset]
with open(classes / "wordnet-hypernyms.txt", "w") as out:
    out.write("# A synset, then its hypernyms. WordNet 3.0, Princeton University. Written by scripts/wordnet-hypernyms.py.\n")
    for synset in sorted(found):
        out.write(" ".join("n" + each for each in [synset, *found[synset]]) + "\n")
