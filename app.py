"""The WSGI application over the built store, for any WSGI server; SOPKG_STORE says where the store is."""

from sopkg.serve import application

app = application()
