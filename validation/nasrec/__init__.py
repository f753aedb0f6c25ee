"""Studies of the NASRec search: one module a study, its small record beside it, all records in REPORT.md.

`python -m validation.nasrec.STUDY --data SHARED --work FOLDER` runs a study or goes on with it, and writes its record;
`python -m validation.nasrec` writes REPORT.md again out of the records.
"""
