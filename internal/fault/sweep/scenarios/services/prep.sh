mkdir -p /srv/lab
