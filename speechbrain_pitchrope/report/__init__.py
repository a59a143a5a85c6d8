"""What ``pitchrope report`` writes: a run's results on one page of HTML.

output folder -> facts.py    what there is, what is missing, which utterances to show
              -> figures.py  their figures and sounds, as data URIs
              -> page.py     all of it, for report.html.j2, which has the words
"""
