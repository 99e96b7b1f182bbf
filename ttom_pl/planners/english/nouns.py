"""Nouns whose kind matters to a layout: places, times, clothes, containers; and plurals."""

from ttom_pl.planners.english.word_lists import word_sections

_WORDS = word_sections("nouns")
PLACES = _WORDS["places"]
PLACE_ENDINGS = ("room", "yard", "land", "field", "scape", "side", "way", "shore", "house", "ground", "fields", "lands")
_PLACE_NOT = frozenset({"lighthouse", "birdhouse", "doghouse", "dollhouse", "greenhouse-plant", "mushroom", "bride"})
SOLID_PLACES = _WORDS["solid_places"]
"""Places that can also be an object among others ("in front of a shop")."""
WEATHER = frozenset("wind gust breeze weather gravity darkness silence".split())
FRAME = _WORDS["frame"]
"""Words for the frame itself."""
TIMES = _WORDS["times"]
ABSTRACT = _WORDS["abstract"]
STYLE = _WORDS["style"]
"""Words for how a picture is made, where no article stands before them."""
PARTS = _WORDS["parts"]
"""Parts of an object, which are no objects beside it."""
UNCOUNTED = _WORDS["uncounted"]
"""Nouns that are no object where no article, number or noun stands before them ("plays basketball")."""
CLOTHES = _WORDS["clothes"]
CONTAINERS = _WORDS["containers"]
VEHICLES = _WORDS["vehicles"]
"""Nouns that carry who is on them."""
ANIMATE = _WORDS["animate"]
MEASURES = _WORDS["measures"]
"""Nouns that count or portion the noun after "of", which is then the object."""
SINGLE_MEASURES = _WORDS["single_measures"]
"""Measures of which one is one thing, whatever it measures."""
COLLECTIVES: dict[str, int] = {"pair": 2, "couple": 2, "duo": 2, "trio": 3, "dozen": 12}
PAIRED_THINGS = _WORDS["paired_things"]
"""Plurals that name one thing, or a pair that goes as one."""
IRREGULAR_PLURALS: dict[str, str] = {
    "children": "child", "men": "man", "women": "woman", "people": "person", "geese": "goose", "mice": "mouse",
    "feet": "foot", "teeth": "tooth", "oxen": "ox", "wolves": "wolf", "leaves": "leaf", "knives": "knife",
    "wives": "wife", "calves": "calf", "shelves": "shelf", "loaves": "loaf", "halves": "half", "thieves": "thief",
    "elves": "elf", "scarves": "scarf", "hooves": "hoof", "cacti": "cactus", "fungi": "fungus", "octopi": "octopus",
    "firemen": "fireman", "policemen": "policeman", "firewomen": "firewoman", "snowmen": "snowman", "dice": "die",
    "fishermen": "fisherman", "butterflies": "butterfly", "buses": "bus", "sheep": "sheep", "deer": "deer",
    "fish": "fish", "moose": "moose", "salmon": "salmon", "swine": "swine", "bison": "bison", "aircraft": "aircraft",
    "spacecraft": "spacecraft", "shrimp": "shrimp", "squid": "squid", "trout": "trout", "elk": "elk", "cod": "cod",
    "hovercraft": "hovercraft", "offspring": "offspring", "series": "series", "species": "species", "fairies": "fairy",
    "potatoes": "potato", "tomatoes": "tomato", "volcanoes": "volcano", "heroes": "hero", "buffaloes": "buffalo",
    "mosquitoes": "mosquito", "flamingoes": "flamingo", "echoes": "echo", "cookies": "cookie", "movies": "movie",
    "zombies": "zombie", "genies": "genie", "pixies": "pixie", "horses": "horse", "houses": "house", "roses": "rose",
    "noses": "nose", "vases": "vase", "cheeses": "cheese", "nurses": "nurse", "purses": "purse", "vehicles": "vehicle",
    "mongooses": "mongoose", "tortoises": "tortoise", "porpoises": "porpoise", "blouses": "blouse", "shoes": "shoe",
    "taxis": "taxi", "kiwis": "kiwi", "safaris": "safari", "yetis": "yeti", "canoes": "canoe",
    "axes": "axe", "pies": "pie", "ties": "tie", "lies": "lie", "collies": "collie",
}  # fmt: skip
INVARIANT = frozenset(plural for plural, singular in IRREGULAR_PLURALS.items() if plural == singular)
SINGULAR_S = _WORDS["singular_s"]
"""Words that end in s and are no plurals."""
_OE_PLURALS = frozenset("aloes canoes does floes foes hoes horseshoes oboes shoes snowshoes tiptoes toes woes".split())
ING_NOUNS = _WORDS["ing_nouns"]
ING_MODIFIERS = _WORDS["ing_modifiers"]
"""Words in -ing that a compound noun often begins with ("a vending machine")."""


def singular(word: str) -> str:
    """Return the singular of a plural noun, and other words as they are."""
    if word in IRREGULAR_PLURALS:
        return IRREGULAR_PLURALS[word]
    if not word.endswith("s") or word in SINGULAR_S or word.endswith(("ss", "us", "'s")) or len(word) < 4:
        return word
    if word.endswith("is") and not word.endswith(("ais", "eis", "kis", "nis")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "sses", "xes", "zzes")) or word[:-2] in SINGULAR_S:
        return word[:-2]
    if word.endswith("oes") and word not in _OE_PLURALS:
        return word[:-2]
    return word[:-1]


def is_plural(word: str) -> bool:
    """Whether a noun can be a plural."""
    return word in IRREGULAR_PLURALS or singular(word) != word


def is_place(word: str) -> bool:
    """Whether a noun, by the list or by its ending, names where something happens rather than an object."""
    stem = singular(word)
    if word in PLACES or stem in PLACES:
        return True
    return len(word) > 5 and stem.endswith(PLACE_ENDINGS) and stem not in _PLACE_NOT
