groupadd -g 10010 reviewers
useradd -m -u 10000 -s /usr/sbin/nologin app
useradd -M -u 10001 carol
mkdir -p /srv/data/tree/sub/deep /srv/data/old /srv/shared /etc/app
for n in 1 2 3 4; do echo "content $n" >/srv/data/tree/sub/file$n; done
chmod 777 /srv/data/tree/sub
echo 'old = 1' >/etc/app/replaced.conf
chmod 600 /etc/app/replaced.conf
echo 'gone' >/etc/app/gone.conf
printf 'first line\nlast line' >/etc/app/lines.conf
printf 'theirs\n# BEGIN managed by opsafe\nold\n# END managed by opsafe\nalso theirs\n' >/etc/app/block.conf
echo 'mode only' >/etc/app/mode.conf
ln -s /nowhere /etc/app/link
setfacl -m u:carol:rwx,d:u:carol:rwx /srv/shared
