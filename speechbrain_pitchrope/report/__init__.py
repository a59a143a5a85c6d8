"""What ``pitchrope report`` writes: a run's results on one page of HTML.

output folder -> facts.py       what there is, and what is missing
              -> recordings.py  which utterances to show, and where they are
              -> pictures.py    their figures, as images
              -> sections.py    each part of the page
              -> page.py        the page, with style.py and no other file
"""
