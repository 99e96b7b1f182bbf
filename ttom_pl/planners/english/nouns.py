"""Nouns whose kind matters to a layout: places, times, clothes, containers; and plurals."""

PLACES = frozenset(
    """
    abyss air airfield airport aisle alley altar amphitheater apartment aquarium arcade area arena asphalt atmosphere
    atrium attic auditorium autumn avenue backdrop background backstreet backyard bakery balcony ballroom bank barn
    barnyard basement bathroom battlefield bay bazaar beach beachside bed-of-flowers bedroom bistro blizzard boardwalk
    bog boulevard boutique breeze brook building buildings bus-stop bush bushes cabin cafe cafeteria campfire
    campground campsite campus canal canopy canyon capital carnival casino castle cathedral cave cavern ceiling
    celebration cemetery chapel church cinema circus city cityscape classroom clearing cliff cliffs clinic cloud
    clouds club coast coastline cobblestone cockpit concert conference cornfield corridor cosmos cottage countertop
    countryside court courthouse courtyard cove creek crossing crossroads crosswalk  current currents darkness
    deck den depths desert diner distance district ditch dock dojo downpour downtown driveway dune dunes dungeon dusk
    earth environment estuary event factory fair fairground farm farmhouse farmland farmyard festival field fields
    fireplace floor floorboards flowerbed fog foliage foothills foreground forest fountain galaxy gallery garage
    garden gardens glacier glade gorge grass grassland gravel greenery greenhouse grocery ground grounds grove gym
    gymnasium hall hallway hangar harbor harbour hayfield heath heaven heavens highlands highway hill hillcrest hills
    hillside hilltop horizon hospital hotel house household ice iceberg inn interior intersection island islands jetty
    jungle junkyard kitchen lab laboratory lagoon lake lakeside landscape lane lawn leaves library lily-pads
    living-room lobby lot lounge lowlands mall mansion marina market marketplace marsh marshland meadow metropolis
    midair midnight mist monastery moon moonlight moor mosque motorway mountain mountains mountainside mud museum
    nebula neighborhood neighbourhood night nightclub oasis ocean office orbit orchard outback outdoors outskirts
    overpass park parking parkway parlor parlour party pasture path pathway patio pavement pavilion peak performance
    pier plain plains planet plantation platform playground plaza pond pool poolside porch port prairie promenade
    puddle quarry quay racetrack railway rain rainforest rainstorm ramp ranch rapids ravine reeds reef region
    reservoir resort restaurant ridge rink river riverbank riverside road roadside rock rocks rocky rooftop room ruins
    runway saloon sanctuary sand sandbox sandstorm savanna savannah scape scene scenery school schoolyard sea seabed
    seafloor seascape seashore seaside seawater setting sewer shack shadow shadows shed shoals shop shopping shore
    shoreline showroom shrine sidewalk sidewalks site skies sky skyline skyscrapers slope slopes smoke snow snowbank
    snowfield snowstorm soil space spaceport spot spotlight spring stable stadium stage stairs stairway starlight
    station steppe stillness stone-path storm stove-top stratosphere stream street streets studio suburb subway summit
    sun sunlight sunrise sunset sunshine supermarket surf surface surroundings swamp synagogue tavern temple terminal
    terrace terrain theater theatre thicket throne-room thunderstorm town track tracks trail trails treehouse treeline
    treetops trench tundra tunnel turf twilight underbrush undergrowth underwater universe valley vegetation veranda
    village vineyard void volcano walkway wall walls warehouse warzone wasteland water waterfall waterfront waters
    waterway wave waves weather wedding wetland wetlands wharf wheatfield wilderness wildflowers wind window-sill
    winery winter wonderland wood woodland woods workshop world yard zone zoo
    """.split()
)
PLACE_ENDINGS = ("room", "yard", "land", "field", "scape", "side", "way", "shore", "house", "ground", "fields", "lands")
_PLACE_NOT = frozenset({"lighthouse", "birdhouse", "doghouse", "dollhouse", "greenhouse-plant", "mushroom", "bride"})
SOLID_PLACES = frozenset(
    """
    bakery bank barn bridge building bush cabin cafe castle cathedral chapel church cinema cloud club cottage dock
    factory farmhouse fireplace fountain garage greenhouse hospital hotel house hut iceberg inn island library
    lighthouse mansion monastery moon mosque mountain museum pavilion pier planet pond pool puddle restaurant river
    rock school shed shop shrine skyscraper stage station store sun supermarket synagogue tavern temple theater
    theatre tower treehouse tunnel volcano wall warehouse waterfall windmill workshop
    """.split()
)
"""Places that can also be an object among others ("in front of a shop")."""
WEATHER = frozenset("wind gust breeze weather gravity darkness silence".split())
FRAME = frozenset(
    """
    camera canvas clip composition footage frame image picture scene screen shot video view viewer
    """.split()
)
"""Words for the frame itself."""
TIMES = frozenset(
    """
    afternoon age autumn beginning century christmas dawn day daylight days daytime dinnertime dusk end evening fall
    friday half halloween holiday hour hours lunchtime midday middle midnight minute minutes moment moments monday
    month months morning night nights nighttime noon once saturday season seasons second seconds spring start summer
    sunday sunrise sunset thursday time times tuesday twilight wednesday week weekend weeks while winter year years
    """.split()
)
ABSTRACT = frozenset(
    """
    art attention awe balance beat beats bounds care celebration chase color colors colour colours competition
    concentration confidence contrast control conversation course curiosity dance deal delight detail determination
    direction directions duet ease effort elegance energy enthusiasm excitement exploration exposure fashion fear
    flight flow focus form formation front fun game games gleam glow grace gravity harmony haste heat height help hope
    hue hues hurry idea intersection joy kind leap leaps length line love magic manner market math mathematics melody
    mind motion movement music news number order other others pace party peace performance plan plans play position
    practice pressure pride problem project question race ray rays reflection reflections reunion rhythm sadness
    safety search sense show side silence size sleep slow-motion smile song sort sound spectrum speed spin step steps
    story strength style success summer surprise sway symphony sync synchrony talk terror theft thought time touch
    trend trends tune turn turns type unison use uses view vitality voice voices wait war warmth way ways weight whirl
    wonder work workout zigzag
    """.split()
)
STYLE = frozenset(
    """
    4k 8k aesthetic anime bokeh cartoon cgi cinematic detailed hd hyperrealistic lighting masterpiece photorealistic
    photorealism quality realism realistic render resolution style uhd ultra
    """.split()
)
"""Words for how a picture is made, where no article stands before them."""
PARTS = frozenset(
    """
    ankle antler arm back beak belly body bottom cheek chest chin claw ear elbow eye eyebrow eyelid face fang feather
    feet fin finger fist flipper foot forehead fur hair hand head heart heartbeat heel hip hoof horn jaw knee lap leg
    lip mane mouth muscle muzzle neck nose palm paw shoulder skin snout stomach tail talon tentacle thigh throat thumb
    toe tongue tooth torso trunk tusk voice waist whisker wing wrist
    """.split()
)
"""Parts of an object, which are no objects beside it."""
UNCOUNTED = frozenset(
    """
    air badminton baseball basketball breakfast chess dinner football golf group groups hide-and-seek hockey homework
    laundry life light lunch nature pair photo photos picture pictures piece pieces rope selfie selfies shade shadow
    shadows shape shapes soccer space supper tag tea tennis volleyball world yoga
    """.split()
)
"""Nouns that are no object where no article, number or noun stands before them ("plays basketball")."""
CLOTHES = frozenset(
    """
    apron armor armour backpack bandana bathrobe beanie beret bikini blazer blouse boots bow bowtie bra cap cape
    cardigan cloak clothes clothing coat collar costume crown dress dresses earrings fez glasses gloves goggles gown
    hat hats headband headphones helmet helmets hood hoodie jacket jeans jersey jewelry jumpsuit kilt kimono leggings
    mask necklace outfit overalls pajamas pants parka poncho pyjamas raincoat robe robes sandals sari scarf shawl
    shirt shirts shoes shorts skates skirt slippers sneakers socks sombrero spacesuit stockings suit suits sunglasses
    sweater sweaters sweatshirt swimsuit t-shirt tee tie tights top trousers tunic turban tutu tuxedo uniform veil
    vest waistcoat wig
    """.split()
)
CONTAINERS = frozenset(
    """
    aquarium bag bags barrel basin basket bathtub bed bottle bowl box bucket cage can carriage cart cauldron crate
    crib cup cups drawer envelope fish-tank fishbowl glass hammock handbag incubator jar jug kettle mug mugs nest oven
    pan pot pots pouch puddle purse sack shell sink stroller suitcase tank teacup tray trunk tub vase wagon
    wheelbarrow
    """.split()
)
VEHICLES = frozenset(
    """
    bicycle bike boat camel canoe cart donkey elephant hoverboard horse horseback kayak motorbike motorcycle pony raft
    rollerblade scooter skateboard ski sled sleigh snowboard surfboard tractor trolley truck unicycle wagon
    """.split()
)
"""Nouns that carry who is on them."""
ANIMATE = frozenset(
    """
    actor animal animals athlete audience baby bear bird boy boys brother cat celebrity chef chicken child children
    colleague couple cow creature crowd customer customers dancer daughter doctor dog duck elephant family farmer
    father fox friend friends gentleman girl girls goat grandfather grandmother horse husband kid kids king kitten
    knight lady lion man men monkey mother mouse nurse partner partners penguin people person pig player players
    prince princess puppy queen rabbit robot sheep singer sister soldier son student students teacher team tiger
    toddler wife witch wizard wolf woman women
    """.split()
)
MEASURES = frozenset(
    """
    array assortment band bit bits blend block bouquet bunch bunches burst chunk chunks cluster collection colony
    couple crowd dash display dozen drop drops duo family figure flock gaggle gang group groups handful heap helping
    herd hint image kind layer layers line lines litter load loads lot lots lump mix mixture model mound number pack
    packs pair pairs patch patches piece pieces pile piles pop pride range row rows scattering school sea selection
    sense series set sets shape sheet slice slices sort splash sprig stack stacks strand stream strip swarm team
    touch trio troop type variety
    """.split()
)
"""Nouns that count or portion the noun after "of", which is then the object."""
SINGLE_MEASURES = frozenset(
    """
    blend burst dash display figure helping hint image layer mix mixture model piece pile pop shape slice sprig stack
    touch
    """.split()
)
"""Measures of which one is one thing, whatever it measures."""
COLLECTIVES: dict[str, int] = {"pair": 2, "couple": 2, "duo": 2, "trio": 3, "dozen": 12}
PAIRED_THINGS = frozenset(
    """
    binoculars boots chopsticks clippers crutches dungarees earbuds earphones earrings eyeglasses glasses gloves goggles
    handcuffs headphones jeans leggings mittens overalls pajamas pants pliers pyjamas rollerblades sandals scissors
    shears shoes shorts skates skis slippers sneakers socks spectacles stilts stockings sunglasses suspenders tights
    tongs trousers tweezers underpants
    """.split()
)
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
SINGULAR_S = frozenset(
    """
    abacus abyss actress address albatross always apparatus as asparagus atlas bass besides bias boss brontosaurus bus
    business cactus campus canvas chaos chess christmas circus citrus class colossus compass cosmos crocus cross
    darkness dress duchess express ferris fortress fungus gas genius glass goddess grass guess harness has hibiscus
    hippopotamus hostess ibis iris is its kiss lens lioness loss lotus mass mathematics mattress moss narcissus news
    octopus papyrus paris pass pegasus physics platypus press princess process progress rhinoceros seamstress sports
    status stegosaurus stylus success sundress swiss tennis thermos this thus tigress trellis triceratops
    tyrannosaurus us venus virus waitress walrus was wilderness yes
    """.split()
)
"""Words that end in s and are no plurals."""
_OE_PLURALS = frozenset("aloes canoes does floes foes hoes horseshoes oboes shoes snowshoes tiptoes toes woes".split())
ING_NOUNS = frozenset(
    """
    awning bedding beijing boxing-ring bring building buildings carving carvings ceiling clearing clothing crossing
    darling drawing duckling dumpling earring evening fledgling fling gathering gosling hamstring hatchling herring
    icing inkling king landing lightning meeting morning offspring painting paintings parking ping pudding railing
    ring sapling seedling shilling sibling sling spring starling stocking string swing thing things underling viking
    wedding wing wings yearling
    """.split()
)
ING_MODIFIERS = frozenset(
    """
    baking bowling boxing building carving climbing cooking cutting dancing dining diving drawing drinking fishing
    flying frying hiking hunting ironing knitting landing living meeting mixing operating packing parking printing
    racing reading revolving riding rocking rolling rowing running sailing sewing shooting shopping skating skipping
    sleeping spinning steering swimming training vending waiting walking washing watering wrapping writing
    """.split()
)
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
