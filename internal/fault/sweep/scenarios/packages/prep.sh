# An archive of small packages, of which two are installed.
archive=/srv/archive
mkdir -p $archive
deb() {
	at=/tmp/deb/$1
	mkdir -p "$at/DEBIAN" "$at/usr/share/$1" "$at/etc"
	printf 'Package: %s\nVersion: 1\nArchitecture: all\nMaintainer: lab <lab@example.org>\nDepends: %s\nDescription: %s\n' "$1" "$2" "$1" >"$at/DEBIAN/control"
	printf '#!/bin/sh\nset -e\ntouch /var/lib/%s.state\n' "$1" >"$at/DEBIAN/postinst"
	printf '#!/bin/sh\nset -e\nrm -f /var/lib/%s.state\n' "$1" >"$at/DEBIAN/postrm"
	chmod 755 "$at/DEBIAN/postinst" "$at/DEBIAN/postrm"
	echo "setting of $1" >"$at/etc/$1.conf"
	echo "content of $1" >"$at/usr/share/$1/data"
	dpkg-deb -Znone -b "$at" "$archive/$1.deb" >/dev/null
	dpkg-deb -f "$archive/$1.deb" >>$archive/Packages
	printf 'Filename: ./%s.deb\nSize: %s\nSHA256: %s\n\n' "$1" "$(stat -c %s "$archive/$1.deb")" \
		"$(sha256sum "$archive/$1.deb" | cut -d' ' -f1)" >>$archive/Packages
}
# Dpkg does not bring configuration files to disk before it relies on them, which
# would be judged here. One that goes is enough.
mkdir -p /tmp/deb/lab-old/DEBIAN
echo /etc/lab-old.conf >/tmp/deb/lab-old/DEBIAN/conffiles
deb lab-base base-files
deb lab-one lab-base
deb lab-two base-files
deb lab-old base-files
rm -rf /tmp/deb /etc/apt/sources.list /etc/apt/sources.list.d
mkdir /etc/apt/sources.list.d
echo "deb [trusted=yes] file:$archive ./" >/etc/apt/sources.list.d/lab.list
cp /etc/apt/sources.list.d/lab.list /etc/apt/sources.list.d/gone.list
apt-get -q update
apt-get -q -y install lab-old
# Images of throwaway hosts tell dpkg not to care for power cuts.
rm -f /etc/dpkg/dpkg.cfg.d/opsafe-test
