"""What is judged: five human dimensions, four structural ones, kinds of deformation, verdicts and cues of intent.

Read by the room, the statistics and the Judge. Kinds of drawn deformation and impact frames come from the taxonomy;
only pathologies, which no production variable names, are listed here. Nothing heavy is imported.
"""

from __future__ import annotations

from dataclasses import dataclass

from anicaption.taxonomy import TaxonomyError, taxonomy


@dataclass(frozen=True)
class Word:
    """One thing that can be chosen, with its names and what it means."""

    id: str
    name_en: str
    name_ja: str
    about_en: str = ""
    about_ja: str = ""


@dataclass(frozen=True)
class Dimension:
    """One scale of 1 to 5; `anchors_en[0]` says what a 1 is, `anchors_en[4]` what a 5 is.

    `reads_prompt` is true where the score depends on what was asked for, not on pixels alone.
    """

    id: str
    name_en: str
    name_ja: str
    anchors_en: tuple[str, str, str, str, str]
    anchors_ja: tuple[str, str, str, str, str]
    reads_prompt: bool = False


DIMENSIONS = (
    Dimension(
        "style_fidelity",
        "Style fidelity",
        "画風の忠実さ",
        (
            "another medium: photographic, painterly or 3D where drawn anime was asked for",
            "anime, but line, colour or finish of another kind than asked for",
            "the style is recognised; it slips in places",
            "the style holds; small departures that one looks for",
            "as if it came from the studio that was asked for",
        ),
        (
            "別の媒体に見える(実写・厚塗り・3Dなど)",
            "アニメだが線・色・仕上げが指定と違う",
            "画風は分かるが、ところどころ外れる",
            "画風は保たれ、探せば小さなずれがある",
            "指定した制作現場の画そのもの",
        ),
        reads_prompt=True,
    ),
    Dimension(
        "prompt_understanding",
        "Prompt understanding",
        "指示の理解",
        (
            "subject, action and camera are all wrong",
            "the subject is right, action or camera is not",
            "most of it is there; something asked for is missing",
            "all of it is there; a detail is loose",
            "everything asked for, when and where it was asked for",
        ),
        (
            "対象も動きもカメラも違う",
            "対象は合うが、動きかカメラが違う",
            "大体合うが、欠けた要素がある",
            "すべて揃い、細部だけ緩い",
            "求めたものが求めた時と場所にすべてある",
        ),
        reads_prompt=True,
    ),
    Dimension(
        "artistic_motion",
        "Artistic motion",
        "動きの芸",
        (
            "no motion to speak of where some was asked for, or a drift without intention",
            "things move, evenly and without weight",
            "readable poses and timing; weight or spacing is weak",
            "good timing and spacing; arcs, anticipation and settling are there",
            "motion an animator would study: timing, weight and exaggeration serve the moment",
        ),
        (
            "求めた動きがない、または意図なく流れる",
            "動くが、均一で重さがない",
            "ポーズとタイミングは読めるが、重さや間隔が弱い",
            "タイミングと間隔が良く、軌道・予備動作・余韻がある",
            "手本にしたい動き。間・重さ・誇張が場面に効いている",
        ),
    ),
    Dimension(
        "structural_stability",
        "Structural stability",
        "形の安定",
        (
            "figures fall apart",
            "faces or limbs break more than once",
            "one plain break, or many small ones",
            "holds; a flaw that shows only frame by frame",
            "every drawing holds, deformations included",
        ),
        (
            "形が崩壊する",
            "顔や手足が二度以上壊れる",
            "はっきりした破綻が一つ、または小さなものが多い",
            "保たれ、コマ送りで分かる傷だけ",
            "誇張も含め、すべてのコマで形が立つ",
        ),
    ),
    Dimension(
        "anime_aesthetic",
        "Anime aesthetic",
        "アニメとしての美しさ",
        (
            "nobody would show it",
            "flat or garish; composition, colour and light do not work together",
            "decent, without character",
            "a good cut: composition, colour and light work together",
            "a cut one remembers",
        ),
        (
            "人に見せられない",
            "構図・色・光が噛み合わない",
            "無難だが個性がない",
            "構図・色・光が噛み合った良いカット",
            "記憶に残るカット",
        ),
    ),
    Dimension(
        "face_topology",
        "Face topology",
        "顔の構造",
        (
            "features missing, doubled or fused",
            "features wander over the face",
            "recognisable, plainly wrong in some drawings",
            "right; a slip in one drawing",
            "right in every drawing and at every angle",
        ),
        (
            "目鼻口が欠ける・増える・溶け合う",
            "目鼻口が顔の上を漂う",
            "顔と分かるが、明らかに狂うコマがある",
            "正しい。一コマだけ狂う",
            "どのコマ、どの角度でも正しい",
        ),
    ),
    Dimension(
        "limb_structure",
        "Limb structure",
        "手足の構造",
        (
            "limbs missing, extra or merged",
            "joints bend where there are none, fingers beyond counting",
            "count and joints are mostly right",
            "right; a hand or foot slips in one drawing",
            "right in every drawing, hands included",
        ),
        (
            "手足が欠ける・増える・融合する",
            "関節でない所で曲がり、指の数が合わない",
            "数と関節は大体正しい",
            "正しい。手足が一コマだけ狂う",
            "手先まですべてのコマで正しい",
        ),
    ),
    Dimension(
        "line_continuity",
        "Line continuity",
        "線のつながり",
        (
            "lines dissolve, double or crawl throughout",
            "lines boil or break in much of the cut",
            "clean at rest, unsteady in motion",
            "clean; a break in one drawing",
            "clean and closed from drawing to drawing",
        ),
        (
            "全体で線が溶ける・二重になる・這う",
            "多くの場面で線が沸く・切れる",
            "止めは綺麗、動くと乱れる",
            "綺麗。一コマだけ切れる",
            "コマからコマへ綺麗に閉じている",
        ),
    ),
    Dimension(
        "motion_coherence",
        "Motion coherence",
        "動きの一貫性",
        (
            "things appear, vanish or jump without cause",
            "parts move against each other or against the camera",
            "the path can be followed, with jerks",
            "one clear path; a slip between two drawings",
            "every part goes where the drawing before sent it",
        ),
        (
            "理由なく現れ、消え、飛ぶ",
            "部分同士、あるいはカメラと食い違って動く",
            "軌道は追えるが、引っかかる",
            "軌道は明快。二コマの間で一度ずれる",
            "どの部分も前の画から続いて動く",
        ),
    ),
)
BY_ID = {dimension.id: dimension for dimension in DIMENSIONS}
HUMAN = tuple(dimension.id for dimension in DIMENSIONS[:5])
STRUCTURE = tuple(dimension.id for dimension in DIMENSIONS[5:])
OVERALL = "overall"
"""The dimension of a comparison as a whole; beside it a comparison may ask for one of HUMAN."""

VERDICTS = (
    Word("intentional", "intentional", "意図的"),
    Word("failure", "failure", "破綻"),
    Word("unsure", "unsure", "判断できない"),
)
SEVERITIES = (1, 2, 3, 4, 5)
"""1 is seen only when looked for, 5 ruins the cut."""

CUES = (
    Word("recovery", "recovers to model", "元の形に戻る", "the figure is on model again within a few drawings"),
    Word("on_action", "on the action", "動きの最中", "it stands where the motion is fastest or a blow lands"),
    Word("follows_arc", "follows the arc", "軌道に沿う", "its shape runs along the path of the motion"),
    Word("drawn_lines_kept", "drawn lines kept", "線が描かれている", "its outline is drawn, not dissolved"),
    Word("style_consistent", "in the cut's style", "画風に合う", "colours and finish are those of the drawings around"),
    Word("volume_kept", "volume kept", "体積が保たれる", "it is thinner where it is longer"),
    Word("repeats_design", "a known idiom", "定番の表現", "an idiom of the trade: multiples, speed shape, gag face"),
)

PATHOLOGIES = (
    Word("extra_limb", "extra limb", "余分な手足", "an arm, leg, finger or head too many, or one too few"),
    Word("melt", "melt", "溶け", "form dissolves and does not come back"),
    Word("flicker", "flicker", "ちらつき", "brightness, colour or detail jumps to and fro"),
    Word("identity_swap", "identity swap", "別人化", "a figure becomes another one"),
    Word(
        "background_merge", "merges with background", "背景と融合", "the figure's edge is lost in what lies behind it"
    ),
    Word("boiling_line", "boiling line", "線の沸き", "lines tremble where nothing moves"),
    Word("pop", "pop", "飛び", "something appears, vanishes or jumps between two frames"),
    Word("other", "other", "その他", "none of these; say in the note what it is"),
)
DEFORMATION_FIELDS = ("motion.deformation", "vfx.impact_frame")
"""The taxonomy's fields whose values an untrained eye takes for failure."""


def drawn_kinds() -> tuple[Word, ...]:
    """What animators draw on purpose: the values in use of the taxonomy's deformation fields, `none` left out."""
    return tuple(
        Word(value.id, value.id.replace("_", " "), value.ja, value.definition)
        for field_id in DEFORMATION_FIELDS
        for value in taxonomy()[field_id].values
        if value.id != "none"
    )


KIND_WORDS = (*drawn_kinds(), *PATHOLOGIES)
KINDS = tuple(word.id for word in KIND_WORDS)
"""Every kind a span of deformation can have, drawn ones first."""
DRAWN_KINDS = tuple(word.id for word in drawn_kinds())
PATHOLOGY_KINDS = tuple(word.id for word in PATHOLOGIES)
VERDICT_IDS = tuple(word.id for word in VERDICTS)
CUE_IDS = tuple(word.id for word in CUES)
COMPARE_VERDICTS = ("left", "right", "equal_good", "equal_bad", "cannot_judge")

if len(set(KINDS)) != len(KINDS):
    raise TaxonomyError(f"dimensions.KINDS: a kind stands twice in {KINDS}; rename the pathology of that name")
