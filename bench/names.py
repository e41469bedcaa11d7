"""The names under which figures are kept: sections, and those who are compared."""

READING, SPENT, MEMORY = "reading", "reading-by-processor-second", "memory"
UPLOADS, INSTALLS, SIGNING = "uploads", "installs", "signing"
SECTIONS = (READING, UPLOADS, INSTALLS, SIGNING)  # what can be asked for; the others come along with these

OURS, PRIVATE, FRONTED = "indexsite", "indexsite-private", "indexsite-behind-nginx"
NGINX, BARE_WSGI = "nginx-static", "granian-bare-wsgi"
BARE_VIEW = "bare-django-view"
PLAIN, COLD, WARM = "indexsite, plain", "indexsite, verified cold", "indexsite, verified warm"
TUF_SCRIPT, BARE_SCRIPT = "script with tuf's serialiser", "script that serialises once"
