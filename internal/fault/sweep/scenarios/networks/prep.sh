# The engine and its networks are the host's own.
apt-mark hold docker.io
