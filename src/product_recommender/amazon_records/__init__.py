"""Reviews and products as JSON lines of 2014, 2018 and 2023, brought to one set of fields.

Pure functions of one record: no file is opened here, and no table built.
"""
