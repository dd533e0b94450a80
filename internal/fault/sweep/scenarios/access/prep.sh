groupadd -g 10001 developers
echo '%developers ALL=(ALL) /usr/bin/true' >/etc/sudoers.d/developers
echo 'nobody ALL=(ALL) ALL' >/etc/sudoers.d/old
chmod 440 /etc/sudoers.d/developers /etc/sudoers.d/old
echo 'X11Forwarding yes' >/etc/ssh/sshd_config.d/10-old.conf
echo 'MaxAuthTries 9' >/etc/ssh/sshd_config.d/00-lab.conf
echo old >/etc/lab.conf
