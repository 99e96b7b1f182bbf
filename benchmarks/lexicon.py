"""Make the planner's lexicon from the database files of WordNet 3.1.

    python benchmarks/lexicon.py --wordnet dict/

Writes ``ttom_pl/planners/english/data/lexicon.txt.gz``. What is in a line stands in
``ttom_pl/planners/english/lexicon.py``.
"""

import argparse
import gzip
import re
from collections import defaultdict
from pathlib import Path

OUT = Path(__file__).parents[1] / "ttom_pl" / "planners" / "english" / "data" / "lexicon.txt.gz"
NOUN_FILES = (
    "Tops act animal artifact attribute body cognition communication event feeling food group location motive object"
    " person phenomenon plant possession process quantity relation shape state substance time"
).split()
THINGS = frozenset({"animal", "artifact", "food", "object", "person", "plant"})
_TOPS = {"animal": "animal", "person": "person", "plant": "plant", "food": "food", "artifact": "artifact"}
"""WordNet's files of nouns that name what can be drawn in a box of its own."""
KINDS = "animal artifact body food object person plant".split()
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_MOST_SENSES = 3
_LEMMA = re.compile(r"[a-z]+(?:[- ][a-z]+)?")


def read_synsets(folder: Path) -> tuple[dict[str, tuple[str, list[str]]], set[str]]:
    """Return for each noun synset the file that it is in and the synsets above it; and the nouns that are no names."""
    synsets, common = {}, set()
    for line in (folder / "data.noun").read_text().splitlines():
        if line.startswith("  "):
            continue
        fields = line.split(" ")
        at = 4 + 2 * int(fields[3], 16)
        common |= {word for word in fields[4 : at - 1 : 2] if word.islower()}
        pointers = [fields[at + 1 + 4 * i : at + 3 + 4 * i] for i in range(int(fields[at]))]
        above = [target for symbol, target in pointers if symbol in ("@", "@i")]
        file = NOUN_FILES[int(fields[1]) - 3]
        synsets[fields[0]] = (_TOPS.get(fields[4], file) if file == "Tops" else file, above)
    return synsets, common


def read_counts(folder: Path) -> dict[str, dict[str, list[float]]]:
    """Return for each lemma and part of speech how often each sense was met in the tagged texts."""
    counts: dict[str, dict[str, dict[int, int]]] = defaultdict(lambda: defaultdict(dict))
    for line in (folder / "index.sense").read_text().splitlines():
        key, _, number, count = line.split()
        lemma, rest = key.split("%")
        counts[lemma]["a" if rest[0] in "35" else "?nvar"[int(rest[0])]][int(number)] = int(count)
    return {
        lemma: {part: [of[number] + 0.5 / number for number in sorted(of)] for part, of in parts.items()}
        for lemma, parts in counts.items()
    }


def read_nouns(folder: Path) -> dict[str, list[str]]:
    """Return for each noun its synsets, the most frequent first."""
    nouns = {}
    for line in (folder / "index.noun").read_text().splitlines():
        if not line.startswith("  "):
            fields = line.split()
            nouns[fields[0]] = fields[-int(fields[2]) :]
    return nouns


def is_kind_of_its_head(word: str, synset: str, nouns: dict, synsets: dict) -> bool:
    """Whether a compound names a kind of what its last word names ("sports car", but not "hot dog")."""
    heads = set(nouns.get(word.rsplit(" ", maxsplit=1)[-1], []))
    for _ in range(3):
        above = synsets[synset][1]
        if heads & {synset, *above}:
            return True
        if not above:
            break
        synset = above[0]
    return False


def digit(share: float) -> str:
    return DIGITS[round(9 * share)]


def base36(number: int) -> str:
    text = ""
    while True:
        number, rest = divmod(number, 36)
        text = DIGITS[rest] + text
        if not number:
            return text


def main() -> None:
    """Write the lexicon."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wordnet", type=Path, required=True, help="folder with data.noun, index.noun and index.sense")
    folder = parser.parse_args().wordnet
    (synsets, common), counts, nouns = read_synsets(folder), read_counts(folder), read_nouns(folder)
    lines = {}
    used: dict[str, None] = {}
    for lemma in sorted(counts):
        word = lemma.replace("_", " ")
        parts = counts[lemma]
        if not _LEMMA.fullmatch(word) or (" " in word and "n" not in parts):
            continue
        if parts.keys() == {"r"}:
            continue
        if "n" in parts and lemma not in common:
            continue
        senses = nouns.get(lemma, [])
        weights = parts.get("n", [])
        things = [s for s in senses if synsets[s][0] in THINGS | {"body"}]
        if " " in word and (not things or is_kind_of_its_head(word, things[0], nouns, synsets)):
            continue
        whole = sum(sum(each) for each in parts.values())
        noun = sum(weights) or 1
        drawn = sum(weight for s, weight in zip(senses, weights, strict=False) if synsets[s][0] in THINGS)
        best = synsets[things[0]][0] if things else ""
        used |= dict.fromkeys(things[:_MOST_SENSES])
        shares = "".join(digit(sum(parts.get(part, [])) / whole) for part in "nva")
        lines[word] = (shares + digit(drawn / noun if weights else 0), KINDS.index(best) if best else -1, things)
    queue = list(used)
    for synset in queue:
        for above in synsets[synset][1][:1]:
            if above not in used:
                used[above] = None
                queue.append(above)
    number = {synset: i for i, synset in enumerate(used)}
    tree = " ".join(base36(number[synsets[s][1][0]]) if synsets[s][1] else "-" for s in used)
    rows = [
        f"{word}\t{shares}{kind if kind >= 0 else '-'}\t{' '.join(base36(number[s]) for s in things[:_MOST_SENSES])}"
        for word, (shares, kind, things) in lines.items()
    ]
    with OUT.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write("\n".join([tree, *rows]).encode())
    print(f"{len(rows)} words, {len(used)} synsets, {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
