"""What the demo corpora say: English sentences of a small grammar, or toned syllables.

Only the method `random` of a source of chance is called, whose values every Python
version repeats for the same seed.
"""

import re

MIN_WORDS, MAX_WORDS = 4, 10  # of an English sentence, both ends included
CANDIDATES = 200  # draws in search of a dev or test sentence made of known words
MAX_REPEATS = 10_000  # in a row, after which the grammar counts as exhausted

# A context-free grammar: lower-case words name rules, upper-case words are spoken. The
# alternatives of a rule are equally likely, so a repeated one is likelier. There are no
# heteronyms (READ, WIND) and no two words that sound alike (BLUE, BLEW): the sound of a
# sentence decides its transcript. Past and participle are one form.
GRAMMAR = """
sentence: statement. | statement. | statement. | question? | question?
statement: one past thing | one past thing then | one past thing where
    | one NEVER past thing AGAIN | one refused base thing
    | one refused base thing later | one modal base thing later
    | one modal base number goods where | single WAS doing thing where
    | single IS doing thing | single HAS past number goods
    | several WERE doing thing then | several HAVE past thing
    | owner thing_word WAS where | owner thing_word ISN'T VERY look
    | number goods WERE where then
question: DID one base thing | DID one base thing then
    | DID one base number goods where | modal one base thing later
    | IS single doing thing where | WERE several doing thing then
    | HAS single past thing | HAVE several past thing | IS owner thing_word where
    | WAS owner thing_word VERY look | WERE number goods where

one: single | single | single | several
single: someone | someone | name | HE | SHE
several: WE | THEY | YOU | THE pair
someone: THE person | THE mood person | MY person
owner: name'S | MY | YOUR | HIS
person: DOCTOR | TEACHER | FARMER | SAILOR | PAINTER | UNCLE | SISTER
pair: CHILDREN | STUDENTS
name: ALICE | OLIVER | MARTIN | EMMA
mood: HAPPY | LAZY | QUIET

thing: THE thing_word | THE look thing_word | THAT thing_word | owner thing_word
thing_word: BASKET | LADDER | BLANKET | GUITAR | PIANO | CAMERA | CANDLE | MIRROR
    | BOX | JACKET
look: SMALL | HEAVY | YELLOW | PURPLE | GREEN | BROKEN
number: THREE | FIVE | SIX | SEVEN | TWENTY
goods: APPLES | POTATOES | LEMONS | FLOWERS

base: CARRY | FIND | WATCH | FOLLOW | BRING | CLEAN
past: CARRIED | FOUND | WATCHED | FOLLOWED | BROUGHT | CLEANED
doing: CARRYING | WATCHING | FOLLOWING | CLEANING
refused: DIDN'T | COULDN'T
modal: CAN | COULD | MUST

where: IN THE room | IN THE room | NEAR THE place | BEHIND THE place
    | UNDER THE BRIDGE | ACROSS THE RIVER
room: GARDEN | KITCHEN | FOREST | VILLAGE
place: STATION | HARBOR | MOUNTAIN | CASTLE
then: YESTERDAY | LAST season | AFTER meal
later: TODAY | TOMORROW | NEXT season | BEFORE meal
season: SUMMER | WINTER | MONDAY
meal: LUNCH | DINNER | SUNSET
"""

RULES = {
    name: re.split(r"\s+\| ", alternatives)
    for rule in re.split(r"\n+(?=\w)", GRAMMAR.strip())
    for name, alternatives in [rule.split(": ")]
}

MIN_SYLLABLES, MAX_SYLLABLES = 3, 6  # of an utterance, both ends included
TONES = {"cmn": "1234", "yue": "123456"}

# espeak-ng speaks a third tone before a third tone as a second tone, as Mandarin does:
# such a pair would not be spoken as it is written, so it is never drawn.
NEVER_BEFORE_ITSELF = {"cmn": "3", "yue": ""}

# Pinyin and Jyutping. No syllable ends in a stop, where Cantonese has three tones only.
SYLLABLES = {
    "cmn": (
        "ba pa ma fa da ta na la ga ka ha bai pai mai dai tai nai lai gai kai hai "
        "ban pan man fan dan tan nan lan gan kan bang pang mang fang dang tang nang "
        "lang gang bao pao mao dao tao nao lao gao kao hao bu pu mu fu du tu nu lu gu "
        "ku"
    ).split(),
    "yue": (
        "baa paa maa faa daa taa naa laa gaa haa baai paai maai faai daai taai naai "
        "laai gaai baan paan maan faan daan taan naan laan gaan bou pou mou dou tou "
        "nou lou gou hou bei pei mei fei dei nei lei gei hei bong pong mong fong dong "
        "tong nong long gong gu fu wu ku hoi"
    ).split(),
}


def draw_sentences(rng, sizes):
    """Draw {split: sentences}, all different, for {split: number}.

    They are in lower case, ended by '.' or '?'. A sentence of the second and later
    splits is made of words of the first one, as far as that is large enough.
    """
    used, known, splits = set(), set(), {}
    for name, size in sizes.items():
        splits[name] = []
        for _ in range(size):
            sentence = _draw_new(rng, used)
            if known:
                sentence = _draw_known(rng, used, known, sentence)
            used.add(sentence)
            splits[name].append(sentence)
        if not known:
            known = {word for s in splits[name] for word in _words(s)}
    return splits


def _words(sentence):
    return sentence[:-1].split()


def _draw_known(rng, used, known, sentence):
    """Return the first of several new sentences with the fewest unknown words."""
    best, fewest = sentence, None
    for _ in range(CANDIDATES):
        unknown = len(set(_words(sentence)) - known)
        if fewest is None or unknown < fewest:
            best, fewest = sentence, unknown
        if fewest == 0:
            break
        sentence = _draw_new(rng, used)
    return best


def _draw_new(rng, used):
    """Draw until a sentence of allowed length comes that is not in `used`."""
    for _ in range(MAX_REPEATS):
        sentence = _expand("sentence", rng).lower()
        if MIN_WORDS <= len(_words(sentence)) <= MAX_WORDS and sentence not in used:
            return sentence
    raise ValueError(
        f"the demo grammar yields no further sentence after {len(used)} of them; "
        "ask for fewer utterances"
    )


def _expand(rule, rng):
    """Replace a rule's name by one of its alternatives, down to spoken words."""
    chosen = _pick(rng, RULES[rule])
    return re.sub("[a-z_]+", lambda name: _expand(name.group(), rng), chosen)


def draw_syllables(rng, language):
    """Draw three to six syllables with their tones, the text of one utterance.

    Every syllable is drawn in every tone, so that only pitch tells `MA3` from `MA4`,
    and no syllable says anything about the tone of the next one.
    """
    syllables, tone = [], ""
    for _ in range(between(rng, MIN_SYLLABLES, MAX_SYLLABLES)):
        taken = tone if tone in NEVER_BEFORE_ITSELF[language] else ""
        tone = _pick(rng, TONES[language].replace(taken, ""))
        syllables.append(_pick(rng, SYLLABLES[language]) + tone)
    return " ".join(syllables)


def _pick(rng, options):
    return options[int(rng.random() * len(options))]


def between(rng, low, high):
    """Draw a whole number of low .. high."""
    return low + int(rng.random() * (high - low + 1))
