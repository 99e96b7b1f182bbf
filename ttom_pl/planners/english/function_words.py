"""Words that hold a sentence together: determiners, numbers, prepositions, conjunctions, pronouns, adverbs."""

ARTICLES = frozenset({"a", "an", "the"})
SINGULAR = frozenset({"a", "an", "one", "each", "every", "another", "this", "that"})
"""Determiners after which the noun is singular."""
DEFINITE = frozenset({"the", "this", "that", "these", "those"})
POSSESSIVE = frozenset({"his", "her", "its", "their", "my", "our", "your", "whose"})
DETERMINERS = (
    ARTICLES
    | SINGULAR
    | DEFINITE
    | POSSESSIVE
    | frozenset({"some", "any", "all", "both", "no", "many", "most", "such"})
)
NEGATIONS = frozenset({"no", "not", "never", "without", "n't", "neither", "nor", "cannot"})

_UNITS = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
NUMBERS: dict[str, int] = {word: value for value, word in enumerate(_UNITS.split(), start=1)}
NUMBERS |= {"eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "hundred": 100}
NUMBERS |= {"dozen": 12, "couple": 2, "both": 2, "several": 4, "few": 3}
"""Counts that a word stands for; for a vague one a usual number."""
ORDINALS = frozenset("first second third fourth fifth last final next other same only".split())

PREPOSITIONS = frozenset(
    """
    about above across after against along alongside amid amidst among amongst around as at atop before behind below
    beneath beside besides between beyond by despite down during except for from in inside into like near of off on
    onto opposite out outside over past per since than through throughout till to toward towards under underneath
    until up upon via with within without aboard behind
    """.split()
)
COORDINATORS = frozenset({"and", "or", "but", "&", "plus", "then"})
SUBORDINATORS = frozenset(
    "while whilst whereas as when before after because since until till if although though where once".split()
)
RELATIVES = frozenset({"that", "which", "who", "whom"})
PRONOUNS = frozenset(
    {"it", "they", "he", "she", "them", "him", "itself", "themselves", "himself", "herself", "everyone"}
)
AUXILIARIES = frozenset(
    """
    is are was were be been being am has have had does do did can could will would may might must shall should gets get
    getting got 's 're doesn't don't isn't aren't
    """.split()
)

ADVERBS = frozenset(
    """
    again ahead alone along already also always apart around aside away back backward backwards backstage first second
    here there now then soon still together too very quite rather almost just only even once twice never ever often
    sometimes forward forwards nearby overhead high higher highest low lower hard fast faster slow late early well far
    further farther close closer inside outside outdoors indoors onstage aloft ashore aboard abroad apart later next
    meanwhile simultaneously instead mid-air midair midway halfway off out over around sideways uphill downhill upstream
    downstream clockwise counterclockwise everywhere nowhere somewhere home afar adrift astray so much more most less
    perhaps maybe indeed yet at-once anew abreast alike lengthwise crosswise all-around throughout straight due
    """.split()
)
_LY_NOT_ADVERBS = frozenset(
    """
    fly jelly belly bully lily family assembly butterfly dragonfly firefly trolley lovely friendly elderly lonely silly
    ugly curly woolly early hilly holly jolly chilly bubbly wobbly wooly smelly prickly cuddly wrinkly sparkly pebbly
    monopoly anomaly ally rally reply supply july italy lively deadly costly orderly heavenly gnarly wily burly oily
    scaly stately homely wriggly squiggly crumbly grizzly daily weekly monthly yearly potbelly ladyfly mayfly gadfly
    horsefly housefly
    """.split()
)


def is_adverb(word: str) -> bool:
    """Whether a word is an adverb, by the list or by its ending."""
    return word in ADVERBS or (word.endswith("ly") and len(word) > 4 and word not in _LY_NOT_ADVERBS)
