"""What docs/comparison.md says before and after its tables."""

BEFORE = """# Side by side with other synthesizers

Written by `python benchmarks/peers/page.py` from `benchmarks/results/peers.jsonl`; do not edit it by hand.

**The same for all.** Integer codes from a public schema (`configs/schemas`), the public domain, δ (1e-9 for
adult_binned, else 1e-6), a random 80 % of the people to learn from, as many synthetic rows as there are train
rows, one core with one thread, the judge. A cell has 900 seconds of processor time (dpmm's AIM where it has a
figure: 3,600); a timeout or a crash is a result. Defaults everywhere, but: both AIMs of others are held to
models of 1 MB, which is our default too (theirs is none or 80 MB); synthcity's DPGAN trains 10 epochs instead
of 2,000; TabularARGN at most 12 minutes on the clock (where its ε spent is below what was asked for, that
stopped it or its validation loss did). Every package runs in an environment of its own that `uv` builds from
the head of its worker (`benchmarks/peers/workers`).

**Not the same.** Ours read the schema as their users do: which column is the target, which are subgroups,
which combinations are impossible; dpmm and smartnoise have no place for these. TabularARGN's own reading of
categories is replaced by the public ones; the GANs of others get ordered columns as numbers with public
bounds, all else one-hot. dpmm and smartnoise draw from generators seeded by us; our noise cannot be seeded.

**Figures.** Seconds: processor time of fit and sample (other work shared the machine, so the clock says
little; both are in the lines). GiB: most resident memory of the whole worker, libraries included. AUROC:
XGBoost and histogram gradient boosting, trained on synthetic rows, tested on real people; F1 of the former at
.5 and where as many are called positive as are. TVD: mean total variation distance of all pairs and triples
of columns from the train rows. k-marginal (0 to 1000): for national2019 NIST's score with NIST's binning of
the raw values, against the train rows (the schema's bins alone cost 50 points: see "real rows"); else over
200 fixed sets of four columns. Worst group: the lowest AUROC (hist) of a declared subgroup with 10 tested
people of each outcome. Base rate: the largest error of P(outcome | group), groups of at least 100 train rows;
"–" where a group has lost all its rows. ε spent: by the peer's own accountant. Best of each column in bold,
real rows apart.

**Tasks.** adult_binned and adult: income above 50 K. national2019: income in the state's top two tenths
(`PINCP_DECILE` 8 or 9), predicted without `PINCP` and `POVPIP`, by sex, race and age. diabetes130:
readmission within 30 days, one random stay of each patient, for all. support2: survival (C-index); three
columns whose bins its schema leaves to be measured are cut into 20 equal parts of their bounds.

Those made up (`benchmarks/peers/made_up.py`; 10,000 and 100,000 rows, a million where asked for): 12 columns of
2 to 8 codes and a label. xor3 and xor4: the label is the parity of halves of three or four columns, one in ten
turned over, so that no table of fewer columns says anything of it (best AUROC about .9). scm: every column is
a random network of all before it.

One seed is one split and one fit: differences of .005 in AUROC or .01 in a group's figures are chance. What
is named as not run was not run yet:

    OMP_NUM_THREADS=1 python benchmarks/peers/run.py DATA_DIR
    python benchmarks/peers/page.py

goes on where the lines end (all but the million rows, ε = .5, 1, 4 and 10, three seeds; `--data-sets`,
`--epsilon`, `--seeds` and `--only` narrow it). DATA_DIR holds the folders named in
`benchmarks/peers/data_sets.py`."""

AFTER = """## What is not compared

- Whether a claim holds. A peer that reads real rows outside its ε may look better for it. What we know of
  each is below, from reading the versions named in `benchmarks/peers/workers`.
- Learning bins or categories from private rows, which some peers do by default: all get them here.
- mbi's own AIM script: it is written for mbi 1.x and does not run on 2.0. smartnoise's AIM is that
  mechanism on mbi 1.1. synthcity's AIM and PrivBayes are broken in 0.2.12 on current libraries.
- Larger machines and GPUs, and models above 1 MB.
- MargNet (arXiv 2511.13893), SWIFT and AIM of google/dpsynth, and Tab-PE as its authors wrote it: none is on
  the package index that environments are built from. Tab-PE is here in our own code.

Lines of ours-aim on national2019 and support2 were run before it looked at sets of four and five columns.

Ours crashed too: ctgan and pategan on national2019 at ε = 10 in the first run, after their charge. The fault is
mended (`generators/deep/opening.py`) and those two were run again; diffusion ran after it. ctgan's lines are of
a third run: with 512 fake rows a step it had been behind its own opening there (`fakes` in
`generators/deep/ctgan.py`).

What is known of each claim:
"""
