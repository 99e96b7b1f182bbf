"""Verbs: what they say about motion, and how to know one when it is met."""

import re
from dataclasses import dataclass
from typing import Literal

Form = Literal["base", "s", "ing", "ed"]

GO = frozenset(
    """
    advance amble bike blow bolt bounce bound bustle canter careen charge chase chug coast commute crawl creep cruise
    cycle dart dash drift drive escape flap flee flit float flow flutter fly follow gallop glide go hasten head hike
    hobble hop hover hurry hurtle inch jet jog journey jump leap limp lope lumber lunge march meander migrate motor
    move navigate pace paddle parade pass patrol pedal plod prance proceed prowl pursue race ramble ride roam rocket
    roll row run rush sail sashay saunter scamper scoot scurry scuttle shoot shuffle sidestep skate skateboard ski
    skip skitter slide slink slip slither slosh snake sneak soar speed spiral spring sprint stagger stalk stampede
    step streak stride stroll strut stumble surf swagger swarm sweep swim swoop tiptoe traipse tramp travel traverse
    tread trek trickle trot trudge trundle vault waddle wade waft walk wander weave wheel whiz whizz wind wobble
    zigzag zip zoom
    """.split()
)
"""Verbs of getting from one place to another, whatever the way."""
UP = frozenset(
    """
    ascend climb elevate erupt hoist launch levitate lift mount raise rise skyrocket surface uplift
    """.split()
)
DOWN = frozenset(
    """
    alight descend dip dive drip drizzle land lower rain set settle sink submerge swoop touch-down
    """.split()
)
FALL = frozenset("fall drop plummet plunge tumble topple cascade crash-land free-fall collapse crumple".split())
THROW = frozenset("throw toss hurl fling lob pitch chuck sling cast shoot launch".split())
"""Verbs whose object flies."""
STRIKE = frozenset("kick hit strike punt smack knock push-off shove roll slide spike serve dribble".split())
"""Verbs whose object moves off."""
RAISE = frozenset("lift raise hoist elevate uplift".split())
LOWER = frozenset("drop lower release spill pour".split())
TOGETHER = frozenset("push pull carry drag row steer pilot haul tow lead drive walk roll wheel herd guide move".split())
"""Verbs whose object moves with the subject."""
MOUNT = frozenset("ride straddle".split())
CHASE = frozenset("chase pursue follow tail trail hunt stalk shadow".split())
FLEE = frozenset("flee escape retreat withdraw".split())
HOLD = frozenset("hold carry clutch grip bring grasp cradle embrace hug wear wield".split())
"""Verbs whose object stays with the subject, wherever it goes."""
APPROACH = frozenset("approach reach meet".split())
CONVERGE = frozenset("collide converge clash".split())
DIVERGE = frozenset("separate diverge part".split())
CHANGE = frozenset(
    """
    age become bloom burn carve change convert crystallize darken decay develop dissolve evaporate evolve fade freeze
    grow lighten mature melt metamorphose morph ripen rust shift tarnish transform transition turn wane wax weather
    wilt
    """.split()
)
"""Verbs after which "into …" names a state."""
WEAR = frozenset("wear don sport dress".split())
CIRCLE = frozenset("circle orbit".split())
JUMP = frozenset("jump leap hop skip spring vault somersault".split())
BOUNCE = frozenset("bounce dribble".split())
SWAY = frozenset("sway swing rock wag oscillate".split())
APPEAR = frozenset("appear emerge arrive materialize enter".split())
VANISH = frozenset("disappear vanish exit leave depart".split())
TURN_IN_PLACE = frozenset(
    "turn look face point lean glance stare gaze tilt rotate spin wave nod bend stretch reach".split()
)
"""Verbs that a direction follows without the subject going there."""
_STILL = """
    accept ache act add adjust admire affect agree aim alarm allow amaze answer applaud argue arrange arrive ask
    assemble assist attach attack attempt attend attract awake awaken babysit bake balance bark bask bathe battle beam
    beat beg begin behave belch bellow belong bend billow bite blacken blast blaze bleat bleed blend bless blink block
    bloom blossom bob boil borrow bow brake brandish break breathe brew brighten bring bristle brush bubble buck build
    bump burn burrow burst bury buy buzz calculate call camp captivate capture care caress carve catch cause celebrate
    chat chatter check cheer chew chirp chitter chomp chop churn clap clean clear cling close cluck clutch collect
    comb come comfort compete complete compose concentrate conduct confront conjure connect consider construct
    contemplate continue control converse coo cook cool copy cough count cover crack crackle cradle crash creak create
    croak cross crouch crow cruise crumble crunch crush cry cuddle curl cut damage dance dangle daub decorate defend
    deflate deliver demolish design destroy devour dig diminish dine direct discover discuss disperse display dissolve
    dodge doodle doze draw dream dress drink drip drool dry duel dunk eat embrace emit empty engage enjoy entertain
    erase erupt examine exchange execute exercise exhale exist expand explain explode explore express extend
    extinguish face feast feed feel fetch fight fill find finish fish fit fix flash flatten flick flicker flip flood
    flourish focus fold forage forge form freeze frolic fry gallivant gather gaze gesture give glance glare gleam
    glimmer glint glisten glitter glow gnaw gobble gossip grab grasp graze greet grill grin grind grip groom grow
    growl grunt guard gulp gurgle gush hammer hang harvest hatch hear heat help hibernate hide hiss hit hold hoot host
    howl huddle hug hum hunt hurt ignite illuminate imagine imprint include inflate inhale inspect inspire interact
    interview introduce investigate invite jiggle jingle join joke juggle keep kiss knead kneel knit knock know lap
    laugh lay lead lean learn leave lend lick lie linger listen live load lock loiter look lounge love lower make
    massage measure meditate meet mend meow merge mew mimic mingle mix moan moo motivate mourn mow munch nap need
    negotiate neigh nestle nibble nod notice nudge nuzzle observe offer ooze open operate order organize overflow
    overlook pack paint pan pant park pat paw pay peck peek peel peer perch perform pet photograph pick pierce place
    plan play plow pluck point poke polish pollinate pop pose pounce pour practice pray preen prepare press pretend
    print probe produce progress protect prune puff pump punch purr put quack quiver raid rattle reach read receive
    recite recline redden reel reflect rehearse relax release remain remove repair rescue rest reveal revive rinse rip
    roar roast rot rotate rub ruffle rummage rustle salute savor say scan scatter scoop scrape scratch scream screech
    scribble scrub sculpt search see seem sell send serve sew shake share sharpen shatter shave shelter shift shimmer
    shine shiver shop shout shovel show shred shrink shut shuttle sigh simmer sing sip sit sizzle sketch slam sleep
    slice sling slouch slumber slurp smash smell smile smolder snap snarl snatch sneeze sniff sniffle snip snooze
    snore snort snuggle soak sort sow sparkle speak spew spill spin spit splash splatter splinter split sprawl spray
    spread sprinkle sprout squat squawk squeak squeal squeeze squint squirm squirt stack stain stand stare start stay
    steal steam stick stiffen stir stitch stop strap stretch strike stroke struggle strum study suck summon sunbathe
    support surround suspend swallow swat sweat swing swirl switch tackle take talk tan tap taste teach tear tell tend
    thaw think thrash thrive thud thump tick tickle tie tighten tinkle toast touch tow train trim trip trumpet try tug
    twinkle twirl twist twitch twitter type unfold unload unlock unroll untie unwind unwrap use vacuum vaporize
    vibrate visit wade wail wait wake wander want warm wash watch wave wear weep weigh welcome weld whimper whine
    whinny whip whir whisk whisper whistle whiten wield wiggle wink wipe wish wither work wrap wrestle wriggle write
    yap yawn yell yellow yelp yodel zap zoom
"""
_CLASSES = (
    GO,
    UP,
    DOWN,
    FALL,
    THROW,
    STRIKE,
    RAISE,
    LOWER,
    TOGETHER,
    MOUNT,
    HOLD,
    APPROACH,
    CHASE,
    FLEE,
    CONVERGE,
    DIVERGE,
    CHANGE,
)
_MORE = (WEAR, CIRCLE, JUMP, BOUNCE, SWAY, APPEAR, VANISH, TURN_IN_PLACE, frozenset(_STILL.split()))
VERBS = frozenset().union(*_CLASSES, *_MORE)
MOVES = frozenset().union(
    GO, UP, DOWN, FALL, THROW, STRIKE, RAISE, LOWER, TOGETHER, MOUNT, CHASE, FLEE, APPROACH
) | frozenset("come get continue head return blow pop back start begin enter leave".split())
"""Verbs that take a direction."""
_IRREGULAR: dict[str, str] = {
    "fell": "fall", "fallen": "fall", "flew": "fly", "flown": "fly", "ran": "run", "swam": "swim", "swum": "swim",
    "rose": "rise", "risen": "rise", "sank": "sink", "sunk": "sink", "went": "go", "gone": "go", "came": "come",
    "stood": "stand", "sat": "sit", "lay": "lie", "lain": "lie", "lying": "lie", "dying": "die", "tying": "tie",
    "held": "hold", "hung": "hang", "stuck": "stick", "strung": "string", "struck": "strike", "thrown": "throw",
    "threw": "throw", "blown": "blow", "blew": "blow", "driven": "drive", "drove": "drive", "ridden": "ride",
    "rode": "ride", "shot": "shoot", "slid": "slide", "swept": "sweep", "swung": "swing", "taken": "take",
    "took": "take", "seen": "see", "made": "make", "built": "build", "caught": "catch", "brought": "bring",
    "worn": "wear", "torn": "tear", "drawn": "draw", "eaten": "eat", "ate": "eat", "given": "give", "grown": "grow",
    "grew": "grow", "hidden": "hide", "kept": "keep", "laid": "lay", "led": "lead", "left": "leave", "lit": "light",
    "put": "put", "set": "set", "hit": "hit", "split": "split", "spread": "spread", "sold": "sell", "sent": "send",
    "slept": "sleep", "spun": "spin", "sprang": "spring", "sprung": "spring", "stole": "steal", "stolen": "steal",
    "told": "tell", "wound": "wind", "woven": "weave", "written": "write", "wrote": "write", "broken": "break",
    "broke": "break", "began": "begin", "begun": "begin", "bitten": "bite", "frozen": "freeze", "fed": "feed",
    "fought": "fight", "found": "find", "crept": "creep", "dug": "dig", "leapt": "leap", "knelt": "kneel",
    "leaned": "lean", "shone": "shine", "sang": "sing", "shook": "shake", "shaken": "shake", "became": "become",
    "fled": "flee", "sped": "speed", "strode": "stride", "wove": "weave", "dove": "dive",
}  # fmt: skip
_DOUBLED = frozenset("control patrol propel compel begin babysit zigzag".split())
_SHORT = re.compile(r"^[^aeiou]*(?:qu)?[aeiou][^aeiouwxy]$")


@dataclass(frozen=True)
class VerbForm:
    """A verb as it is met: its base form, and which form this is."""

    lemma: str
    form: Form


def _inflect(verb: str) -> list[tuple[str, Form]]:
    if verb.endswith("e") and not verb.endswith(("ee", "oe", "ye")):
        return [(verb + "s", "s"), (verb[:-1] + "ing", "ing"), (verb + "d", "ed")]
    stem = verb + verb[-1] if verb in _DOUBLED or _SHORT.match(verb) else verb
    if verb.endswith("y") and verb[-2] not in "aeou":
        return [(verb[:-1] + "ies", "s"), (verb + "ing", "ing"), (verb[:-1] + "ied", "ed")]
    third = verb + ("es" if verb.endswith(("s", "x", "z", "ch", "sh", "o")) else "s")
    past = stem + ("d" if stem.endswith("e") else "ed")
    return [(third, "s"), (stem + "ing", "ing"), (past, "ed")]


def _all_forms() -> dict[str, VerbForm]:
    forms = {verb: VerbForm(verb, "base") for verb in sorted(VERBS)}
    for verb in sorted(VERBS):
        for word, form in _inflect(verb):
            forms.setdefault(word, VerbForm(verb, form))
    for verb in ("see", "flee"):
        del forms[verb + "d"]
    for word, verb in _IRREGULAR.items():
        if word not in VERBS:
            forms[word] = VerbForm(verb, "ing" if word.endswith("ing") else "ed")
    return forms


_FORMS = _all_forms()


def known_verb(word: str) -> VerbForm | None:
    """Return the verb that a word is a form of, or ``None``."""
    return _FORMS.get(word)


def guessed_verb(word: str) -> VerbForm | None:
    """Return a verb by the word's ending alone, for words that no list holds."""
    if word.endswith("ing") and len(word) > 5:
        return VerbForm(word[:-3], "ing")
    if word.endswith("ed") and not word.endswith("eed") and len(word) > 4:
        return VerbForm(word[:-2], "ed")
    if word.endswith("s") and not word.endswith(("ss", "us", "is", "'s")) and len(word) > 3:
        return VerbForm(word[:-1], "s")
    return None
