# What the throwaway hosts of internal/testhost need on a Debian machine.
# Included from the Makefile. Quick and quiet when everything is already there.

TESTHOST_PACKAGES := acl apt-utils busybox-static debian-archive-keyring \
	debootstrap iproute2 openssh-client strace systemd-container util-linux

.PHONY: testhost-deps
testhost-deps:
	@[ "$$(dpkg-query -W -f '$${db:Status-Status}\n' $(TESTHOST_PACKAGES) 2>/dev/null | grep -cx installed)" = $(words $(TESTHOST_PACKAGES)) ] && exit 0; \
	echo "installing for the throwaway hosts: $(TESTHOST_PACKAGES)"; \
	export DEBIAN_FRONTEND=noninteractive; \
	set -- apt-get -qq -o=Dpkg::Use-Pty=0 install -y --no-install-recommends $(TESTHOST_PACKAGES); \
	"$$@" >/dev/null 2>&1 || { apt-get -qq update && "$$@" >/dev/null; }
