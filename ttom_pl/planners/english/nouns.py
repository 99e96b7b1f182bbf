"""Nouns whose kind matters to a layout: places, times, clothes, containers; and plurals."""

PLACES = frozenset(
    """
    abyss airfield airport aisle alley amphitheater apartment aquarium arcade arena asphalt atmosphere atrium attic
    auditorium autumn avenue backdrop background backstreet backyard bakery balcony ballroom bank barn barnyard basement
    bathroom battlefield bay bazaar beach bedroom bistro blizzard boardwalk bog boulevard boutique breeze brook building
    buildings bus-stop bush bushes cabin cafe cafeteria campfire campground campsite campus canal canopy canyon carnival
    carpet casino castle cathedral cave cavern celebration cemetery chapel church cinema circus city cityscape classroom
    clearing cliff cliffs clinic cloud clouds club coast coastline cobblestone cockpit concert conference corridor
    cottage
    countryside court courthouse courtyard cove creek crossing crossroads crosswalk crowd darkness deck den depths desert
    diner distance ditch dock dojo downtown driveway dune dunes dungeon dusk earth estuary event factory fair fairground
    farm farmland farmyard festival field fields fireplace fog foliage foreground forest fountain gallery garage garden
    gardens glacier glade gorge grass grassland gravel greenhouse grocery ground grounds grove gym gymnasium hall hallway
    hangar harbor harbour hayfield heath heaven heavens highlands highway hill hills hillside hilltop horizon hospital
    hotel house household ice iceberg inn interior intersection island islands jetty jungle junkyard kitchen lab
    laboratory lagoon lake lakeside landscape lane lawn leaves library lily-pads living-room lobby lounge mall mansion
    marina market marketplace marsh marshland meadow midnight mist monastery moon moonlight moor mosque motorway
    mountain mountains mountainside mud museum night nightclub oasis ocean office orbit orchard outback outdoors
    outskirts overpass park parking parkway parlor parlour party pasture path pathway patio pavement pavilion peak
    performance pier plain plains planet plantation platform playground plaza pond pool port porch prairie promenade
    puddle
    quarry quay racetrack railway rain rainforest ramp ranch rapids ravine reef reservoir resort restaurant ridge rink
    river riverbank riverside road roadside rock rocks rocky room rooftop runway saloon sanctuary sand sandbox savanna
    savannah scene scenery school schoolyard sea seabed seafloor seascape seashore seaside seawater sewer shack shadow
    shadows shed shoals shop shopping shore shoreline showroom shrine sidewalk site skies sky skyline skyscrapers slope
    slopes smoke snow snowbank snowfield snowstorm soil space spaceport spotlight spring square stable stadium stage
    stairway stairs
    starlight station steppe stillness storm stove-top stratosphere stream street streets studio suburb subway summit
    sun sunlight sunshine supermarket surf surface surroundings swamp synagogue tavern temple terminal terrace terrain
    theater theatre thicket throne-room town trail trails treehouse treetops treeline trench tundra tunnel turf twilight
    underbrush
    undergrowth underwater universe valley vegetation veranda village vineyard volcano wall walls walkway warehouse
    warzone wasteland water waterfall waterfront waters waterway waves wave weather wedding wetland wetlands wharf
    wheatfield wilderness wildflowers wind window-sill winery winter wonderland wood woodland woods workshop world yard
    zoo beachside poolside countertop floor floorboards ceiling sidewalks tracks track lot galaxy nebula vacuum void
    air midair interior area region zone spot scape district neighborhood neighbourhood metropolis capital farmhouse
    ruins altar hillcrest foothills lowlands reeds cornfield rainstorm downpour thunderstorm sandstorm blizzard sunset
    sunrise currents current depths rapids flowerbed bed-of-flowers greenery setting environment stone-path cosmos
    """.split()
)
PLACE_ENDINGS = ("room", "yard", "land", "field", "scape", "side", "way", "shore", "house", "ground", "fields", "lands")
_PLACE_NOT = frozenset({"lighthouse", "birdhouse", "doghouse", "dollhouse", "greenhouse-plant", "mushroom", "bride"})
FRAME = frozenset(
    "screen frame scene video image picture shot view clip footage camera canvas viewer composition".split()
)
"""Words for the frame itself."""
TIMES = frozenset(
    """
    day days morning afternoon evening night nights noon midnight midday dawn dusk sunset sunrise twilight summer winter
    autumn spring fall season seasons hour hours minute minutes second seconds moment moments time times while year years
    month months week weeks weekend holiday christmas halloween monday tuesday wednesday thursday friday saturday sunday
    daytime nighttime lunchtime dinnertime age century once beginning end start half middle daylight
    """.split()
)
ABSTRACT = frozenset(
    """
    use uses exposure air attention awe balance beat beats care celebration chase circle circles color colors colour
    colours competition concentration confidence control conversation course curiosity dance deal delight detail
    determination direction directions duet ease effort elegance energy enthusiasm excitement exploration fashion fear
    flight flow focus form formation front fun game games grace gravity group groups harmony haste heat height help hope
    hue hues hurry idea joy kind leap leaps length life line love loop magic manner math mathematics melody mind motion
    movement music nature number order pace pair party pattern patterns peace pieces plan plans play position pressure
    pride project race rhythm row rows sadness safety search sense shade shadow shape shapes show side silence size sleep
    slow-motion smile sort sound space speed spectrum spin spiral step steps strength style success summer surprise
    sway symphony synchrony sync talk terror thought time touch trend trends tune turn turns type unison view vitality
    voice voices wait war warmth way ways weight whirl wonder work world zigzag energy photo photos picture pictures
    selfie selfies dinner lunch breakfast supper reunion duet performance tea tag soccer basketball tennis football-game
    chess hide-and-seek bounds contrast other others
    """.split()
)
CLOTHES = frozenset(
    """
    apron bathrobe bikini blazer blouse boots bow bowtie bra cap cape cardigan cloak clothes clothing coat collar costume
    crown dress dresses earrings fez glasses gloves goggles gown hat hats headband headphones helmet helmets hood hoodie
    jacket jeans jersey jewelry jumpsuit kilt kimono leggings mask necklace outfit overalls pajamas pants parka poncho
    pyjamas raincoat robe robes sandals sari scarf shawl shirt shirts shoes shorts skates skirt slippers sneakers socks
    spacesuit stockings suit suits sunglasses sweater sweaters sweatshirt swimsuit t-shirt tee tie tights top trousers
    tunic turban tutu tuxedo uniform veil vest waistcoat wig armor armour sombrero beret beanie backpack bandana
    """.split()
)
CONTAINERS = frozenset(
    """
    aquarium bag bags barrel basin basket bathtub bed bottle bowl box bucket cage can carriage cart crate crib cup cups
    drawer fishbowl fish-tank glass hammock handbag jar jug kettle mug mugs nest oven pan pot pots pouch purse sack sink
    stroller suitcase tank teacup tray trunk tub vase wagon wheelbarrow cauldron incubator shell envelope puddle-jar
    """.split()
)
ANIMATE = frozenset(
    """
    man woman boy girl child kid baby toddler person people men women children kids boys girls lady gentleman friend
    friends colleague partner partners teacher student students dancer athlete farmer player players dog cat puppy kitten
    horse cow bird robot monkey bear wolf fox lion tiger rabbit mouse elephant penguin duck chicken pig goat sheep
    animal animals creature actor singer chef doctor nurse soldier knight princess prince king queen witch wizard couple
    family mother father son daughter brother sister grandmother grandfather celebrity audience crowd team customer
    customers wife husband
    """.split()
)
MEASURES = frozenset(
    """
    piece pieces pair pairs slice slices patch patches load loads group groups pack packs herd flock swarm school bunch
    bunches crowd number trio duo dozen couple lot lots variety set sets pile piles stack stacks row rows line lines cluster
    collection band gang team bit bits drop drops lump sheet strand strip shape image figure model kind type sort block
    handful series colony litter family heap mound chunk chunks bouquet gaggle pride troop array scattering sea stream
    """.split()
)
"""Nouns that count or portion the noun after "of", which is then the object."""
COLLECTIVES: dict[str, int] = {"pair": 2, "couple": 2, "duo": 2, "trio": 3, "dozen": 12}
PAIRED_THINGS = frozenset(
    "jeans trousers pants shorts scissors glasses sunglasses goggles tights pajamas pliers binoculars headphones".split()
)
"""Plurals of which a pair is one thing."""
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
    "canoes": "canoe", "axes": "axe", "pies": "pie", "ties": "tie", "lies": "lie", "collies": "collie",
}  # fmt: skip
INVARIANT = frozenset(plural for plural, singular in IRREGULAR_PLURALS.items() if plural == singular)
_SINGULAR_S = frozenset(
    """
    bus glass grass dress bass boss cross class mass moss gas lens cactus octopus walrus platypus hippopotamus
    rhinoceros tennis chess iris virus circus campus canvas compass mattress princess actress waitress actress lioness
    tigress hostess goddess seamstress sundress fortress ferris paris hibiscus crocus lotus venus apparatus status
    always besides christmas abacus fungus papyrus asparagus citrus genius stylus its this is has was as us yes thus
    narcissus tyrannosaurus brontosaurus triceratops stegosaurus pegasus albatross duchess business address express
    guess kiss loss pass press process progress success trellis thermos colossus atlas bias cosmos chaos news physics
    mathematics sports swiss abyss harness wilderness darkness
    """.split()
)
ING_NOUNS = frozenset(
    """
    building painting ring king ceiling string wing wings thing things spring sling swing clothing drawing lightning
    morning evening duckling starling sibling dumpling railing sapling seedling gosling wedding earring herring viking
    clearing pudding icing fling awning offspring bring ping underling hatchling fledgling yearling crossing
    landing parking boxing-ring carving carvings paintings buildings gathering meeting beijing stocking
    hamstring shilling darling inkling bedding
    """.split()
)
ING_MODIFIERS = frozenset(
    """
    vending washing sewing rocking swimming fishing shooting hiking racing dining living frying cutting baking sleeping
    boxing shopping parking walking skating sailing rowing running training riding hunting drinking writing reading
    steering knitting climbing diving flying cooking mixing watering packing ironing rolling skipping landing bowling
    meeting waiting wrapping carving building operating dancing drawing printing revolving spinning
    """.split()
)
"""Words in -ing that a compound noun often begins with ("a vending machine")."""


def singular(word: str) -> str:
    """Return the singular of a plural noun, and other words as they are."""
    if word in IRREGULAR_PLURALS:
        return IRREGULAR_PLURALS[word]
    if not word.endswith("s") or word in _SINGULAR_S or word.endswith(("ss", "us", "is", "'s")) or len(word) < 4:
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "sses", "xes", "zzes")):
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
