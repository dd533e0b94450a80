# What the throwaway hosts of internal/testhost need on a Debian machine.
# Included from the Makefile. Quick and quiet when everything is already there.

TESTHOST_PACKAGES := acl apt-utils busybox-static debian-archive-keyring \
	debootstrap iproute2 openssh-client strace systemd-container util-linux

.PHONY: testhost-deps
testhost-deps:
	@missing=; for p in $(TESTHOST_PACKAGES); do \
	  [ "$$(dpkg-query -W -f '$${db:Status-Status}' $$p 2>/dev/null)" = installed ] || missing="$$missing $$p"; \
	done; \
	[ -z "$$missing" ] && exit 0; \
	echo "installing for the throwaway hosts:$$missing"; \
	export DEBIAN_FRONTEND=noninteractive; \
	apt-get -qq -o=Dpkg::Use-Pty=0 install -y --no-install-recommends $$missing >/dev/null 2>&1 || { \
	  apt-get -qq update && \
	  apt-get -qq -o=Dpkg::Use-Pty=0 install -y --no-install-recommends $$missing >/dev/null; \
	}
