# A host on which people have worked by hand.
groupadd -g 10110 auditors
groupadd -g 10120 old-group
useradd -M -u 2000 -c 'somebody else' -d /home/wrong -s /bin/sh bob
useradd -m -u 2001 -s /bin/bash mallory
useradd -M -u 2002 legacy
usermod -p '$6$abcdefgh$abcdefghijklmnopqrstuvwxyz' bob
gpasswd -a mallory auditors
gpasswd -a bob auditors
gpasswd -a bob adm
install -d -o bob -g bob -m 700 /home/bob /home/bob/.ssh
echo 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC/9jkIbBb0EJnxBdaaCPEjAUpGs1/06j44yYRPPqENA old' >/home/bob/.ssh/authorized_keys
cp /home/bob/.ssh/authorized_keys /home/bob/.ssh/authorized_keys2
chown bob: /home/bob/.ssh/*
chmod 644 /home/bob/.ssh/*
