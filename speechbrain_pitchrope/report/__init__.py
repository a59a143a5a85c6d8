"""What ``pitchrope report`` writes: a run's results on one page of HTML.

output folder -> facts.py       what there is, and what is missing
              -> recordings.py  which utterances to show, and where they are
              -> figures.py     their figures and sounds, as data URIs
              -> page.py        all of it as data for report.html.j2
"""
