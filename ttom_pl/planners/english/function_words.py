"""Words that hold a sentence together: determiners, numbers, prepositions, conjunctions, pronouns, adverbs."""

from ttom_pl.planners.english.word_lists import word_sections

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

_WORDS = word_sections("function_words")
PREPOSITIONS = _WORDS["prepositions"]
COORDINATORS = frozenset({"and", "or", "but", "&", "plus", "then"})
SUBORDINATORS = _WORDS["subordinators"]
RECIPROCALS = frozenset({"each other", "one another"})
CLAUSE_OPENERS = frozenset({"while", "whilst", "whereas", "as", "when"})
"""Conjunctions that a whole clause follows."""
RELATIVES = frozenset({"that", "which", "who", "whom"})
PRONOUNS = frozenset(
    {"it", "they", "he", "she", "them", "him", "itself", "themselves", "himself", "herself", "everyone"}
)
AUXILIARIES = _WORDS["auxiliaries"]

FOREIGN = _WORDS["foreign"]
"""Small words of other languages in Latin letters."""

ADVERBS = _WORDS["adverbs"]
_LY_NOT_ADVERBS = _WORDS["ly_not_adverbs"]


def is_adverb(word: str) -> bool:
    """Whether a word is an adverb, by the list or by its ending."""
    return word in ADVERBS or (word.endswith("ly") and len(word) > 4 and word not in _LY_NOT_ADVERBS)
