"""What a hit should make of its entry: the memory's merge rules along the same stream.

    python benchmarks/merging.py --out runs/merging

Captions of two objects that move in different directions, 12 scenes in random order, each with noise of its own. The
prompts are those of another seed than the other benchmarks', as a default is chosen here.

Takes about ten minutes on two cores; goes on where it was stopped. Writes ``results.md`` to the folder.
"""

from functools import partial

from harness import arguments, noises, run, side_by_side, write
from sprites_prompts import stream_prompts

from ttom_pl.evaluation.compare import ITERATIONS, compare

RULES = ("RunningAverage", "PaperMerge", "Replace")
HITS = ("--memory.recall.min_merged", "1", "--memory.recall.iterations", "3")
"""From the second prompt of a scene on there are hits, so that most of an entry is what its rule made of them."""
SCORES = ("motion", "all_motions", "layout_iou", "shape", "color", ITERATIONS)


def main() -> None:
    parser = arguments(__doc__, "runs/merging", count=120)
    parser.set_defaults(seed=11)
    options = parser.parse_args()
    prompts = stream_prompts(options.out / "prompts", options.seed, options.count)
    (noise,) = noises(options.seed, 1)
    calls = [partial(run, options.out / rule, prompts, noise, *HITS, "--memory.store.merge", rule) for rule in RULES]
    runs = side_by_side(options.jobs, calls)
    lines = [f"The whole stream, {options.count} prompts:", "", compare(runs, list(RULES)).table(SCORES, digits=3), ""]
    last = compare(runs, list(RULES), options.count * 2 // 3 + 1)
    lines += ["Its last third:", "", last.table(SCORES, digits=3), ""]
    write(options.out, "What a hit makes of its entry", [*lines, f"Prompts by seed {options.seed}."])


if __name__ == "__main__":
    main()
