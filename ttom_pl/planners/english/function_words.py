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
NEGATIONS = frozenset({"no", "not", "never", "n't", "neither", "nor", "cannot"})

_UNITS = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
NUMBERS: dict[str, int] = {word: value for value, word in enumerate(_UNITS.split(), start=1)}
NUMBERS |= {"eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "hundred": 100}
NUMBERS |= {"dozen": 12, "couple": 2, "both": 2, "several": 4, "few": 3}
"""Counts that a word stands for; for a vague one a usual number."""
ORDINALS = frozenset("first second third fourth fifth last final next other same only".split())

PREPOSITIONS = frozenset(
    """
    aboard about above across after against along alongside amid amidst among amongst around as at atop before behind
    below beneath beside besides between beyond by despite down during except for from in inside into like near of off
    on onto opposite out outside over past per since than through throughout till to toward towards under underneath
    until up upon via with within without
    """.split()
)
COORDINATORS = frozenset({"and", "or", "but", "&", "plus", "then"})
SUBORDINATORS = frozenset(
    """
    after although as because before if once since though till until when where whereas while whilst
    """.split()
)
RECIPROCALS = frozenset({"each other", "one another"})
CLAUSE_OPENERS = frozenset({"while", "whilst", "whereas", "as", "when"})
"""Conjunctions that a whole clause follows."""
RELATIVES = frozenset({"that", "which", "who", "whom"})
PRONOUNS = frozenset(
    {"it", "they", "he", "she", "them", "him", "itself", "themselves", "himself", "herself", "everyone"}
)
AUXILIARIES = frozenset(
    """
    're 's am are aren't be been being can could did do does doesn't don't get gets getting got had has have is isn't
    may might must shall should was were will would
    """.split()
)

FOREIGN = frozenset(
    """
    al auf aus avec bei con da dans dal das de del dem den der des die dos du ein eine einen einer el en gli hacia il
    la las le les lo los mit nach nel nella o os para par por sobre sous sur über um una und une von vers zu zum zur
    à às där och på vänster åt het een van naar met uma com e y et il
    """.split()
)
"""Small words of other languages in Latin letters."""

ADVERBS = frozenset(
    """
    aboard abreast abroad adrift afar again ahead alike all-around almost aloft alone along already also always anew
    apart around ashore aside astray at-once away back backstage backward backwards clockwise close closer
    counterclockwise crosswise downhill downstream due early even ever everywhere far farther fast faster first
    forward forwards further halfway hard here high higher highest home indeed indoors inside instead just late later
    lengthwise less low lower maybe meanwhile mid-air midair midway more most much nearby never next now nowhere off
    often once only onstage out outdoors outside over overhead perhaps quite rather second sideways simultaneously
    slow so sometimes somewhere soon still straight then there throughout together too twice uphill upstream very well
    yet
    """.split()
)
_LY_NOT_ADVERBS = frozenset(
    """
    ally anomaly assembly belly bubbly bully burly butterfly chilly costly crumbly cuddly curly daily deadly dragonfly
    early elderly family firefly fly friendly gadfly gnarly grizzly heavenly hilly holly homely horsefly housefly
    italy jelly jolly july ladyfly lily lively lonely lovely mayfly monopoly monthly oily orderly pebbly potbelly
    prickly rally reply scaly silly smelly sparkly squiggly stately supply trolley ugly weekly wily wobbly woolly
    wooly wriggly wrinkly yearly
    """.split()
)


def is_adverb(word: str) -> bool:
    """Whether a word is an adverb, by the list or by its ending."""
    return word in ADVERBS or (word.endswith("ly") and len(word) > 4 and word not in _LY_NOT_ADVERBS)
