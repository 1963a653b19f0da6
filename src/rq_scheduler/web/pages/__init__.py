"""The dashboard: pages for people, rendered here from `views`. Everything works without a script.

`site` lists the pages, `page` is the way that each request takes, `look` renders; each page has a module that asks the
Python API and makes a value of it, and a template that shows the value. `charts` draws, `actions` are the forms: they
go through the calls of the HTTP API, with its checks. Nothing is decided or worded a second time here.
"""
