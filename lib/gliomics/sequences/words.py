"""The words of scanners, languages and data sets, each with what it says about a sequence.

Words are folded (lower case, no accents). The roles:

========== =========================================================================
``T1`` ..  the weighting, by name or by a pulse sequence that is always so weighted
AGENT      contrast agent, its names and abbreviations: present unless negated
PRESENT    after contrast, without an agent being named (``enhanced``)
ABSENT     without contrast, without an agent being named (``native``)
WITH       comes before an agent that was given (``mit``, ``nach``)
WITHOUT    comes before an agent that was not given (``ohne``, ``vor``)
OTHER      certainly none of the four sequences (diffusion, maps, subtraction, ...)
MASK       a mask, no image
UNCLEAR    leaves open what the image is (``dixon``): nothing is decided beside it
HINT       leaves open whether with contrast (``post-op``, ``fs``): T1 alone is not decided beside it
WEAK       a letter that is a contrast agent only beside a sign or preposition (``+C``, ``sans IV``)
T2STAR     a gradient echo: beside T2 it is T2*, none of the four
JOIN       joins two images (``T1 to T2``, ``T1 and T2``)
PLAIN      says nothing here, but tells that the letters beside it are a word of their own
========== =========================================================================
"""

from __future__ import annotations

import re
from difflib import get_close_matches

T1, T2, FLAIR, DENSITY = "t1", "t2", "flair", "proton density"
AGENT, PRESENT, ABSENT, WITH, WITHOUT = "agent", "present", "absent", "with", "without"
OTHER, UNCLEAR, HINT, T2STAR, JOIN, PLAIN, MASK = "other", "unclear", "hint", "t2*", "join", "plain", "mask"
WEAK = "weak agent"

_LISTS = {
    T1: "t1 t1w t1wi t1we t1weighted t1gewichtet mprage mpragew bravo spgr fspgr irfspgr irspgr",
    T2: "t2 t2w t2wi t2we t2weighted t2gewichtet",
    FLAIR: "flair fla t2f darkfluid dafl darkfl dafluid",
    DENSITY: "pd pdw pdwi pdt2 dp proton protondensity",
    AGENT: (
        "ce gd gad gado gadolinium gadovist gadavist gadobutrol gadoter gadoterate gadoterat gadolin gadodiamide "
        "gadoteridol gadopiclenol gadobenate gadopentetate gddtpa gdtpa dtpa gddota dota gdbopta dotarem magnevist "
        "multihance prohance omniscan clariscan elucirem vueway optimark magnegita artirem ablavar eovist primovist "
        "vasovist cyclolux dotagraf pixxoscan gadograf ferumoxytol feraheme uspio km kontrastmittel kl mdc pdc civ "
        "kontrast kontrastu kontrastem kontrastom kontrastnim kontrastni kontraste contrast contraste contrasto "
        "contrastes contraststof kontrastvaeske kontrastvatska kontrastanyag kontraszt kontrasztanyag contraststoff "
        "tehosteaine tehoste bolus kk sk inj injection inject injektion inyeccion injecao iniezione injectie ilac sdc "
        "gdt контраст контраста контрастом ку гд 造影 造影剂 增强 조영 조영제 tiem thuoc "
        "skiagrafiko dye cte contr opak kontras"
    ),
    PRESENT: (
        "post withcontrast wcontrast wgad wgd wc postcontrast postcontrasto postcontraste postkontrast postkontrastno "
        "postgad postgado postgd postkm postinj postinjection postce enhanced injecte injectee injected inyectado "
        "iniettato injiziert geinjecteerd contrasted contrastado contrastada contrastata contrastato kontrastli "
        "kontrastiert contrastenhanced kontrastverstarkt kontrastwzmocnione wzmocnione gadoenhanced gdenhanced "
        "kontrasztos kontrastowe kontrastowy kontrastowa ilacli tehostettu tehosteella opakli"
    ),
    ABSENT: (
        "native nativ nativa nativo natif nativni nativne nativno natywne natywna natywny natiivi plain unenhanced "
        "nonenhanced noncontrast noncontrasted nocontrast noncon noce nogad nogd nonce nongd noninjecte noninjectee "
        "precontrast precontrasto precontraste prekontrast pregad pregado pregd prekm preinj preinjection "
        "preinjectie blanco blank basale basal kontrastsiz ilacsiz withoutcontrast wocontrast uncontrasted "
        "unkontrastiert tehosteeton woc wogd wogad nongad kontrastfri нативный нативная натив opaksiz nat natief "
        "natieve natyw diretta dirette diretto simple simples"
    ),
    WITH: (
        "with mit avec con com met med cu nach after apres dopo despues depois apos pos po na efter etter z sa plus "
        "given sonrasi sonra jalkeen following с после sau dengan posle nakon"
    ),
    WITHOUT: (
        "without wo ohne sans sin sine senza sem zonder bez utan uten uden fara ilman non no not kein keine keinen "
        "pre prae vor avant before prima antes pred przed voor fore foer innan inainte prije nie nicht unco oncesi "
        "ennen без до khong truoc tanpa"
    ),
    OTHER: (
        "loc localizer localiser localizers localisateur localizador localizzatore lokalizer lokalisator "
        "localisator lokalizator localization localizing scout scouts scouting aahead aahscout survey surv topogram "
        "topo pilot planscan 3plane 3pl triplane threeplane reperage repere centratore centraggio smartbrain calib "
        "calibration cal prescan shim fieldmap fieldmapping fmap b0map b1map phasediff magnitude1 magnitude2 sbref "
        "dwi dti diff diffusion diffusione difusion difusao diffusie dyfuzja difuze diffusions dw ep2d ep3d epi b0 "
        "b1 b50 b100 b200 b400 b500 b600 b700 b800 b850 b900 b1000 b1200 b1400 b1500 b2000 b2500 b3000 adc eadc "
        "dadc trace tracew fa colfa md rd ad tensor tensors resolve ivim dki hardi noddi dsi multishell csd "
        "tractography tracto tract tracts fiber eddy swi swip swib swan venbold venobold vbold hemo haemo hemoflash "
        "susceptibility suszeptibilitat qsm t2s t2star t2starw t2stern t2st t2etoile t2asterisk r2 r2s r2star r1 "
        "t2gre t2ffe t2wffe t2prime perf perfusion perfusao perfusione perfuzja perfuze perfuzio perfusie pwi dsc "
        "dce dcemri ktrans kep asl pasl pcasl casl 3dasl cbf cbv rcbf rcbv relcbf relcbv corrcbv mtt tmax ttp pbp "
        "gbp auc iauc permeability permeabilite permeabilidad dyn dynamic dynamics dynamisch dynamique dinamico "
        "dinamica dynamiczne dynamicke dynamika twist tricks grasp keyhole 4d timeresolved cine map maps mapping "
        "mapped t1map t2map mapa karte karten cartographie cartography mappa parametric relaxometry relaxometrie "
        "t1rho rho quantitative quant quantification molli sasha vfa despot despot1 despot2 ratio sub subs subt "
        "subtr subtract subtracted subtraction subtractions substraction soustraction sottrazione sustraccion "
        "subtracao subtraktion subtrahiert subtractie subtrakcja subtrakce substract difference differenz mip mips "
        "minip mmip mipthick vrt vr collapse projection rendering tof tofs mra mrv mrangio mrveno angio angiography "
        "angiographie angiografia angiograma angiogramm angiografie venography venographie venografia veno phlebo "
        "phlebographie cemra cemrv mrangiography willis inhance pcmra carotid carotids carotide carotides karotiden "
        "vessels trance phasecontrast flow qflow csfflow liquorfluss mrs mrsi spectro spectroscopy spektroskopie "
        "spectroscopie espectroscopia spettroscopia spektroskopia svs csi press steam slaser mega fmri bold rest "
        "resting restingstate rsfmri func task mosaic stir dir psir cest apt aptw mt mtc mtr mtsat mton mtoff "
        "magnetization mre elastography elasto pet fdg spect ct screen screenshot screensave screensaved screencap "
        "screencapture saveimage capture captured secondarycapture report reports dose document documents "
        "phoenixzipreport phoenix zipreport examcard exam summary presentationstate presentation evidence keyimage "
        "keyimages fusion fused overlay biasfield warp xfm jacobian deformation gm wm csf pve probability probmap "
        "prob probseg spine spinal cervical thoracic lumbar lumbosacral sacrum cspine tspine lspine hws bws lws "
        "wirbelsaule rachis rachidien cervicale lombaire dorsolombaire dorsolumbar colonna rachide columna coluna "
        "vertebral lombar wervelkolom kregoslup wirbel myelo myelon moelle cord neck hals thorax chest liver leber "
        "abdomen pelvis becken knee knie shoulder schulter hip hufte breast mamma prostate prostata heart cardiac "
        "herz kidney разница карта перфузия диффузия wash washin washout mrcp delta phantom qa qc scano"
    ),
    MASK: (
        "seg segs segm segmentation segmentations segment segments segmentacion segmentierung mask masks maske label "
        "labels labelmap labelmaps dseg roi rois gtv ctv ptv contour contours annotation annotations annot truth "
        "groundtruth gt aseg aparc defacemask pred preds prediction predictions"
    ),
    UNCLEAR: (
        "dixon mdixon ideal flex opp opposed inphase outphase water fat inopp synthetic syntetic synthetisch magic "
        "symri mp2rage uni unit1 inv inv1 inv2 inplane inplanet1 tir tirm bb blackblood vw vwi vesselwall darkblood "
        "dualecho doubleecho dual ciss fiesta fiestac drive bffe trufi truefisp bssfp balance template atlas "
        "average avg iac orbit orbits orbita orbitas orbite orbiten pituitary hypophyse hypofyse ipofisi hipofisis "
        "hipofise sella sellar przysadka unknown phase fase phases ph real imaginary prep prepared t2prep e1 e2 e3 "
        "plan trufisp fisp psif"
    ),
    HINT: (
        "op operative operation surgery surgical iop biopsy biopsie rt rx radiotherapy chemo resection treatment "
        "therapy nav navi navigation neuronav neuronavigation navigator stealth brainlab stereotactic stereotaxie "
        "stereotaxy stereo stereotaktisch leksell gammaknife knife cyberknife rtplan nc nce late delay delayed tardif "
        "tardive spat spaet spate venous arterial fs fatsat fatsuppressed fatsuppression fsat spir spair gk srs frame "
        "frameless planning ml cc mmol min mins minutes fettsat fettgesattigt fettsattigung contrst pst dopamine "
        "early immediate"
    ),
    WEAK: "c k g iv cm ka ks mc pc pi",
    T2STAR: "eg ffe fl2d fl3d flash gre ge grad gradient medic merge swan fe fieldecho star stern etoile estrella hem",
    JOIN: "and und et y e oraz to vs versus into in on onto reg registered coreg coregistered aligned warped",
    PLAIN: (
        "ax axial axiale axiaal tra trans transv transverse transversal transversale assiale osiowy ax1 sag "
        "sagittal sagital sagittale sagitt cor coronal coronale koronal kor coro obl oblique iso isotropic isotrop "
        "3d 2d se tse fse frfse tfe tfl ffe fl vibe space spc cube vista brainview propeller blade multivane jet "
        "radar thrive lava ir ns p2 p3 p4 pat pat2 ipat caipi sense clear asset arc hr hires highres thin mm brain "
        "head cerebro crane cerveau encephale encefalo kopf schadel schaedel hersenen glowa mozg beyin hjerne hlava "
        "wip new std slice slices sequence protocol routine egd standard turbo fast spin echo bias unstripped "
        "stripped skullstripped bet masked n4 resampled norm normalised normalized dis2d dis3d nd mpr mpr1 recon "
        "rec tumor tumour glioma full whole volume vol slab long short tr te ti cs hyperband deface defaced sms mb "
        "wave scan image images study series baseline followup fu day weighted w of the di de del der des du la le "
        "in high low res field hi lo ponderee ponderado pondere gewichtet gabe administration intravenous "
        "intraveineuse agent produit mezzo medium media mittel podaniu dozylnie podani mr mri rm irm rmn nmr mrt "
        "oax osag ocor oblax oblsag oblcor canon siemens philips toshiba hitachi fujifilm uih memp eco gradient lab "
        "se3d tse3d fse3d tfe3d ffe3d grappa grappa2 fgre efgre ssfse haste tgse ssh shot single multi caip "
        "caipirinha zte petra ute dl air airrecon aice dlr accel accelerated turboflash fl3 fl2 mvxd xd mpr3d mprr "
        "mprs reformat reformats reformatted ref refo recons reconstruction reconstructed multiplanar planar rfmt "
        "thk thick cerebrum cerebral cerebrale cranial craniale craneal craneo cranio cranien cranienne encephalon "
        "encefalica encefalico neuro neurocranium gehirn hirn hersen hoofd cabeza cabeca testa glava mozak mozek "
        "glowy agy koponya kafa kranyal kranial kraniyal hode hoved huvud skalle temporal temporale lobe "
        "hippocampus hippocampi hippo epilepsy epilepsie tumeur tumore tumoren gliom glioblastoma gbm lgg hgg "
        "metastasis mets metastases ms stroke screening basic sclerosis dementia trauma exam patient subject subj "
        "case id img file data raw original orig primary processed final old repeat rpt rep redo again second first "
        "third extra additional opt optional motion corrected correct moco denoised filtered gibbs biascorr "
        "biascorrected corr unbiased n4itk ss skull strip extracted brainextracted rigid affine mni mni152 sri "
        "sri24 resample isovoxel voxel crop cropped pad padded left right bilateral lt ap pa lr rl si hf fh rs "
        "axiell axiala axiaalinen axialni axialna axialne transversaal transversala transversaali poprzeczny "
        "poprzeczna poprzeczne czolowy czolowa czolowe strzalkowy strzalkowa strzalkowe koronarni koronalni "
        "koronalna koronalne sagitalni sagitalna sagitalne sagittaal sagittaalinen coronaal coronali sagittali "
        "assiali frontal frontale frontalna aksiyel aksial aksialni aksialna aksjalny corte cortes coupe coupes "
        "piano sequenza secuencia secuencias sequenz sekvence sekwencja sequentie sekans potenciado potenciada "
        "pesata pesate pesada pesado pesadas gewichtung wichtung gewogen wazony wazone agirlikli vazeny vazena "
        "ponderacion ponderation ponderacao weighting imagen imagem immagine immagini bild bilder beeld obraz kep "
        "goruntu espin spinecho turbospin rapide rapid veloce rapido schnell snel kesit dikey fine fin sottile fino "
        "dunn duenn dunne xl fsexl frfsexl mdeft quick starvibe radial fc wb acpc ac contiguous para parasagittal "
        "paraaxial paracoronal breath hold bh prop posterior anterior fossa fosse preproc preprocessed lowres utse "
        "smooth inflow mono multislice hd tilt eq slc acq acquisition sagt trav trs transaxial transaxiale axt "
        "intermediate thins isovox isotropo isotropique isotroop linear nonlinear ants fsl spm ucsf upenn tcga "
        "pat1 patient1 patient2 subject1 subject2 "
        "brats rhuh remind ivygap lumiere cptac tcia training validation testing train cohort site center centre "
        "hospital clinic plane planes orientation do da podaniem aplikaci aplikace dozylnym applicazione "
        "somministrazione administracion administracao ev"
    ),
}
_LATER_COUNTS = (
    PLAIN,
    JOIN,
    T2STAR,
    HINT,
    UNCLEAR,
    OTHER,
    MASK,
    WEAK,
    WITH,
    WITHOUT,
    ABSENT,
    AGENT,
    PRESENT,
    DENSITY,
    FLAIR,
    T2,
    T1,
)
"""A word of several lists has the role of the last of these."""
ROLES = {word: role for role in _LATER_COUNTS for word in _LISTS[role].split()}

SEQUENCE_INSIDE = re.compile(r"t[12](?!\d)|flair")
# Families of words, for inflections and names that no list holds. The first that matches counts.
_FAMILIES = [
    (re.compile(r"([ck]ontrast\w*|gado\w*)(free|frei|less|los|siz|suz|fri|vrij)"), ABSENT),
    (re.compile(r"(pre|non|un)([ck]ontr\w+|gad\w+|inj\w+|enhanc\w+)"), ABSENT),
    (
        re.compile(r"post([ck]ontr|gad|inj|enhanc)\w*|[ck]ontrast(ad|at|iert|ed|verst)\w*|enhanc\w*|injec?te\w*"),
        PRESENT,
    ),
    (re.compile(r"gado\w+|[ck]ontra[sz]\w*|tehost\w*|inj[ei]c\w*|gd\d*(dtpa|dota|bopta)"), AGENT),
    (re.compile(r"(post|pre|intra|prae?|peri)(op|surg|rt|rx|chemo|resec|treat|ther|rad|biops)\w*"), HINT),
    (
        re.compile(
            r"(s[ou]u?[bs]s?tra[ck]|sottra|sustra)\w*|perfus\w*|diffus\w*|spe[ck]tros\w*|locali[sz]\w*|lokali\w*"
        ),
        OTHER,
    ),
    (
        re.compile(r"angio\w*|venog\w*|tractog\w*|dyna?mi\w*|calibr\w*|phoenix\w*|screens\w*|b\d{3,4}t?|spinal\w*"),
        OTHER,
    ),
    (re.compile(r"segment\w*|[a-z]+(mask|seg|segmentation)|(mask|seg|label|roi)\d+"), MASK),
]
# Parts of an unknown word that make it suspect of speaking of contrast, and words of which it may be a misspelling.
_SUSPECT = re.compile(r"gad|[ck]ontr(?!ol|ib)|inj|hanc|magnev|dotar|post|scan|gd|km|mdc|elucirem|vueway|t1|t2|конт")
_SPELT = [word for word, role in ROLES.items() if role in (AGENT, PRESENT) and len(word) >= 6]


def role_of(word: str) -> str | None:
    """What a folded word says, None for an unknown one."""
    if word in ROLES or SEQUENCE_INSIDE.search(word):
        return ROLES.get(word)
    return next((role for pattern, role in _FAMILIES if pattern.fullmatch(word)), None)


def may_mean_contrast(word: str) -> bool:
    """Whether an unknown word could speak of contrast: it holds a part of such a word, or is nearly one."""
    return bool(_SUSPECT.search(word)) or bool(get_close_matches(word, _SPELT, n=1, cutoff=0.8))
