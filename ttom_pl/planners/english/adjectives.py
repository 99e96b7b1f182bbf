"""Adjectives: needed to see where a noun phrase has its noun."""

from functools import cache

from ttom_pl.planners.english.function_words import NUMBERS
from ttom_pl.planners.english.lexicon import look_up

COLORS = frozenset(
    """
    amber beige black blue bronze brown colorful colourful copper crimson cyan gold golden gray green grey indigo
    ivory khaki lavender lilac magenta maroon mint multicolored navy olive orange peach pink purple rainbow red rose
    scarlet silver tan teal transparent turquoise violet white yellow
    """.split()
)
_ADJECTIVES = frozenset(
    """
    abandoned active adjacent adorable afraid african aged agile alert alive alone amazing american ancient angry
    antarctic antique arctic asian autumnal awake bald bare barefoot beautiful big bioluminescent bitter blank blind
    bold brave brief bright brilliant brittle broad bumpy bushy busy calm careful cheap cheerful chilly chinese chubby
    circular classic clean clear clever closed cloudy clumsy cold colossal comfortable common compact conical cool
    corduroy cosy cozy crazy crescent crisp crowded cubic curious curly curved cute cylindrical damp dapper daring
    dark dead dear deep delicate delicious dense different dim dirty distant double dry dull dusty eager early eastern
    elastic elderly electric elegant elliptical empty enormous entire european evil exotic expensive faint fair famous
    fancy fast fat fierce fiery firm first flat flexible floppy fluffy foggy foreign fragile free fresh friendly
    frosty frozen full funny furry fuzzy gentle gigantic glad gleaming glossy glowing good graceful grand grassy great
    greedy grumpy hairy half handsome happy hard healthy heavy hidden high hollow holy honest horizontal hot huge
    humble hungry icy identical idle immense japanese jolly juicy junior keen large last lazy lean little live lively
    lone lonely long loose loud lovely low loyal lucky lush mad magical main majestic massive matching matte mature
    medium metallic mighty misty modern moldy muddy murky muscular mysterious mythical naked narrow nearby neat
    nervous new next nice nimble noble noisy northern nosy old open other overgrown own pale perfect plaid playful
    plump pointy polar polished poor pretty prickly proud pure pyramidal quick quiet rapid rare raw ready real
    rectangular regal rich ripe robotic rocky rotten rough round royal rugged rural rusty sad safe salty same sandy
    scared scary secluded second serene serious shabby shallow shapeless sharp shiny short shy sick silent silky silly
    simple single skinny sleek sleepy slender slick slim slimy slippery slow slushy small smart smooth snowy soft
    solar solid solitary sour southern spare sparse spherical spicy spiky spotless stale starry stationary steady
    steep stiff still stormy straight strange striped strong stubborn sturdy sudden sunny super sweet swift tall tame
    tasty tender thick thin third tidy tiny tired tough traditional tranquil triangular tropical true twin ugly uneven
    unique unusual upright urban vast vertical vibrant vintage violent vivid wacky warm weak wealthy weary western wet
    whole wide wild windy wise wooden woolen woollen worn young yummy zany
    """.split()
)
_ALSO_NOUNS = frozenset(
    """
    amber bronze copper gold ivory lavender mint olive orange peach rainbow rose silver violet
    """.split()
)
_ENDINGS = (
    "ful",
    "ous",
    "ish",
    "less",
    "able",
    "ible",
    "ical",
    "shaped",
    "haired",
    "colored",
    "coloured",
    "like",
    "ular",
)
_MOSTLY = 7
_NOT = frozenset(
    """
    angelfish bible bike brush cable catfish cleaner constable cooler crayfish dish dryer finish fish goldfish handful
    jellyfish loner mouthful polish radish rubbish shellfish spoonful stable starfish stranger swordfish table timetable
    vegetable
    """.split()
)


@cache
def is_adjective(word: str) -> bool:
    """Whether a word is an adjective, by the list, by its ending or by what the lexicon says of it."""
    if word in _ADJECTIVES or (word in COLORS and word not in _ALSO_NOUNS):
        return True
    if "-" in word and word.endswith("ed"):
        return True
    if word.endswith(("er", "est")) and len(word) > 4 and word not in _NOT:
        stem = word.removesuffix("est").removesuffix("er")
        short = stem[:-1] if stem[-1] == stem[-2] else ""
        entry = look_up(word)
        tool = entry is not None and entry.noun > 5 and not entry.adjective and entry.kind
        if not tool and {stem, stem + "e", short, stem.removesuffix("i") + "y"} & (_ADJECTIVES | COLORS - _ALSO_NOUNS):
            return True
    if len(word) > 5 and word.endswith(_ENDINGS) and word not in _NOT:
        return True
    entry = look_up(word)
    if entry is None or entry.adjective < _MOSTLY or entry.kind in ("person", "animal"):
        return False
    return word not in NUMBERS and not word.endswith(("ing", "ed", "en", "wn", "rn"))
