"""Verbs: what they say about motion, and how to know one when it is met."""

import re
from dataclasses import dataclass
from typing import Literal

from ttom_pl.planners.english.lexicon import look_up

Form = Literal["base", "s", "ing", "ed"]

GO = frozenset(
    """
    advance amble bike blow bolt bounce bound bustle canter careen charge chase chug clamber clomp coast commute
    crawl creep cruise cycle dart dash dawdle drift drive escape flap flee flit float flow flutter fly follow gallop
    glide go hasten head hike hobble hop hover hurry hurtle inch jet jog journey jump leap limp lope lumber lunge
    lurch maneuver march meander migrate motor move navigate pace paddle parachute parade pass patrol pedal plod
    prance proceed prowl pursue putter race ramble rappel ride roam rocket roll row run rush sail sashay saunter
    scamper scoot scrabble scramble scurry scuttle shimmy shin shoot shuffle sidestep sidle skate skateboard ski
    skip skitter slide slink slip slither slosh snake sneak snowboard soar speed spiral spring sprint stagger stalk
    stampede step stomp streak stride stroll strut stumble surf surge swagger swarm sweep swerve swim swoop tiptoe
    traipse tramp travel traverse tread trek trickle trot trudge trundle vault veer waddle wade waft walk waltz
    wander weave wheel whiz whizz wind wobble zigzag zip zoom
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
LOWER = frozenset("drop lower spill pour".split())
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
FORM = frozenset(
    """
    assemble bake blend blossom break bud build churn coalesce collapse compress condense crumble crush curl divide dry
    expand ferment flatten fold forge form grind harden hatch inflate knit merge mold mould mutate open press sculpt
    shape shatter shred shrink shrivel solidify split sprout squash stiffen swell twist unfold unfurl unravel warp weave
    whip
    """.split()
)
"""Verbs after which "into …" names what something becomes, and which otherwise are verbs like others."""
PUT = frozenset(
    "arrange build deposit drop hang insert lay load mount pack park pile place plant pour put set stack"
    " stick stuff throw toss".split()
)
"""Verbs whose object is where the preposition says."""
TOP = frozenset("top crown cap".split())
"""Verbs after which "with …" names what is on top."""
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
    abandon absorb accelerate accept accompany ache achieve act add adjust admire adopt adorn advertise affect agree
    aim alarm allow amaze anchor answer applaud arch argue arise arrange arrive ask assemble assist astonish attach
    attack attempt attend attract audit await awake awaken babysit bake balance bang bark bash bask bathe battle
    beam beat beg begin behave belch bellow belong bend billow bite blacken blast blaze bleat bleed blend bless
    blind blink block bloom blossom blush boast bob boil boogie borrow bother bow brake brandish brawl break breathe
    brew brighten bring bristle brush bubble buck build bulldoze bully bump burn burrow burst bury buy buzz
    calculate call camp caper capsize captivate capture care caress carve catch cause celebrate challenge chant chat
    chatter check cheer chew chirp chirr chisel chitter chomp chop churn clang clap claw clean clear clench click
    cling clip clog close clown cluck clutch collect comb come comfort command compare compete complain complete
    compose concede concentrate conduct confront confuse congratulate conjure connect conquer consider console
    construct consume contain contemplate contest continue contort control converse convince coo cook cool copy
    correct cough count cover crack crackle cradle cram crash creak crease create crinkle criticize croak cross
    crouch crow cruise crumble crunch crush cry cuddle curl cut damage dance dangle daub debate deceive decorate
    dedicate defend deflate deflect deliver demolish demonstrate deposit design destroy detonate devise devour
    diagnose dial dictate dig diminish dine direct disagree disappoint disarm disassemble discard discover discuss
    disguise dislodge dismantle dismount disperse display dissolve distribute disturb dodge doff donate doodle douse
    doze drain drape draw dread dream dress drink drip drool drown dry duel dunk eat edit educate eject elbow
    embrace emit empty end encircle encounter encourage enforce engage engrave enjoy enlarge entangle entertain entice
    envelop erase erupt escort evacuate examine exchange exclaim execute exercise exfoliate exhale exist expand
    experiment explain explode explore express extend extinguish extract face fasten feast feed feel feign fetch
    fidget fight fill filter find finish fish fit fix fizz flail flare flash flatten flavor flex flick flicker
    flinch flip flood flourish fluff flush foam focus fold forage force forge form freeze frighten frolic frown fry
    fumble gallivant gape gargle gasp gather gawk gaze gesture giggle gild give glance glare glaze gleam glimmer
    glint glisten glitter gloat glow gnash gnaw gobble gore gossip grab grapple grasp grate graze grease greet grill
    grimace grin grind grip groom grope grow growl grunt guard gulp gurgle gush gyrate haggle hail halt hammer
    handcuff hang harvest hatch heal hear heat heave help hibernate hiccup hide hiss hit hoard hold holler honk hoot
    host howl huddle hug hum hunch hunt hurt hypnotize ignite illuminate imagine impale impress imprint include
    inflate inform inhale inject insert insist inspect inspire instruct insult interact interview introduce invent
    investigate invite itch jab jiggle jingle join joke jolt jostle juggle keep kindle kiss knead kneel knit knock
    know lament lap lasso lather laugh lay laze lead leak lean learn leave lecture lend level lick lie linger link
    liquefy listen live load lock loiter look loom lounge love lower lubricate lug lure make manage marvel mash
    massage maul measure meditate meet mend mentor meow merge mew mime mimic mince mingle mix moan moisten moo
    motivate mourn mow muffle mumble munch murmur muse nag nap neaten need negotiate neigh nestle nibble nip nod
    notch notice nudge nurture nuzzle obey obscure observe offer ogle ooze open operate orate order organize
    ornament outrun overflow overlook overtake pack paint pamper pan pant park parry pat paw pay peck peek peel peep
    peer perch perform perspire persuade pester pet photograph pick pierce pinch pirouette placate place plait plan
    plaster play plead please plow pluck plunder poach point poison poke polish pollinate ponder pop portray pose
    pounce pour practice praise pray preach preen prepare preside press pretend prick print probe prod produce
    progress promise promote prop propose protect protest prune pry pucker puff pulsate pulse pump punch punish
    purchase purr put quack quarrel quench quiver quiz radiate raid rally rap rattle reach read reap reassemble
    reassure recall receive recharge recite recline recoil recycle redden reel refill reflect refuel rehearse reign
    relax release reload remain remind remove repair repel report reprimand rescue rest restock restrain retrieve
    reveal reverse revive rinse rip ripple rivet roar roast rob rot rotate rouse rub ruffle rumble rummage rustle
    sabotage sag salute salvage sample savor say scald scan scare scatter scoff scold scoop scorch score scowl
    scrape scratch scream screech scribble scrub scruff scrunch sculpt search see seem seize sell send serve sew
    shackle shake shampoo share sharpen shatter shave shear shelter shelve shift shimmer shine shiver shop shout
    shovel show shred shriek shrink shrug shush shut shuttle sigh silence simmer sing sip sit sizzle sketch skewer
    skirmish slam slap slash slaughter sleep slice sling slouch slumber slump slurp smash smear smell smile smirk
    smolder smother snag snap snare snarl snatch sneer sneeze snicker sniff sniffle snip snooze snore snort snuggle
    soak soothe sort sow spank sparkle speak spellbind spew spill spin spit splash splatter splinter split spool
    sprawl spray spread sprinkle sprout spruce squabble squat squawk squeak squeal squeeze squint squirm squirt
    squish stab stack stain stand stare start startle stay steady steal steam steep stencil sterilize stick stiffen
    stifle sting stir stitch stop stow strain strangle strap stretch strike stroke struggle strum study stun stutter
    suck suckle suffer summon sunbathe support surprise surround survey suspend swaddle swallow swat swear sweat
    swing swipe swirl switch swivel swoon synchronize tackle take talk tame tan tangle tap taste taunt teach tear
    teeter telephone tell tempt tend thatch thaw think thrash threaten thrive thrust thud thump tick tickle tie
    tighten tinker tinkle toast toil torment touch tow trace train trample transport trespass trim trip trumpet try
    tug tweak twine twinkle twirl twist twitch twitter type unbox unbuckle unbutton uncork uncover unearth unfold
    unhook unite unleash unload unlock unpack unplug unravel unroll unscrew untie unveil unwind unwrap unzip upend
    urge urinate use vacuum vaporize varnish vend vibrate visit wade wail wait wake wallow wander want warble warm
    warn wash watch wave wear weep weigh welcome weld whack wheeze whimper whine whinny whip whir whisk whisper
    whistle whiten whittle wield wiggle wince wink wipe wish wither work wrangle wrap wrench wrestle wriggle wring
    write yank yap yawn yell yellow yelp yodel zap zoom
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
VERBS = frozenset().union(*_CLASSES, FORM, *_MORE)
MOVES = frozenset().union(
    GO, UP, DOWN, FALL, THROW, STRIKE, RAISE, LOWER, TOGETHER, MOUNT, CHASE, FLEE, APPROACH
) | frozenset("come get continue head return blow pop back start begin end finish enter leave".split())
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
    "doing": "do", "fled": "flee", "sped": "speed", "strode": "stride", "wove": "weave", "dove": "dive",
    "slung": "sling", "strewn": "strew", "sewn": "sew", "shown": "show", "bound": "bind", "bent": "bend",
    "clung": "cling", "flung": "fling", "met": "meet", "lost": "lose", "sown": "sow", "stung": "sting",
    "thought": "think", "taught": "teach", "shrunk": "shrink", "drunk": "drink", "rung": "ring", "won": "win",
}  # fmt: skip
_DOUBLED = frozenset("control patrol propel compel begin babysit zigzag".split())
_ENDS_IN_L = re.compile(r"[^aeiou][aeiou]l$")
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
    for verb in (verb for verb in VERBS if _ENDS_IN_L.search(verb)):
        forms.setdefault(verb + "ling", VerbForm(verb, "ing"))  # British spelling
        forms.setdefault(verb + "led", VerbForm(verb, "ed"))
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
        return VerbForm(_lemma(word[:-3]), "ing")
    if word.endswith("ed") and not word.endswith("eed") and len(word) > 4:
        return VerbForm(_lemma(word[:-2]), "ed")
    if word.endswith("s") and not word.endswith(("ss", "us", "is", "'s")) and len(word) > 3:
        return VerbForm(word[:-1], "s")
    return None


def _lemma(stem: str) -> str:
    """Return the verb of which a stem is left without its ending: "feature" of "featur", "top" of "topp"."""
    short = stem[:-1] if stem[-1] == stem[-2] else stem
    for verb in (stem, f"{stem}e", short):
        entry = look_up(verb)
        if entry is not None and entry.verb:
            return verb
    return stem
