# Somebody with all the ways in that an account can have.
groupadd -g 10001 developers
useradd -M -u 2000 -s /bin/bash -G developers,sudo,adm carol
usermod -p '$6$abcdefgh$abcdefghijklmnopqrstuvwxyz' carol
install -d -o carol -g carol -m 700 /home/carol /home/carol/.ssh
install -d -o carol -g carol -m 755 /home/carol/.config /home/carol/.config/systemd /home/carol/.config/systemd/user /home/carol/.config/systemd/user/timers.target.wants
echo 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC/9jkIbBb0EJnxBdaaCPEjAUpGs1/06j44yYRPPqENA carol' >/home/carol/.ssh/authorized_keys
cp /home/carol/.ssh/authorized_keys /home/carol/.ssh/authorized_keys2
printf '[Timer]\nOnCalendar=daily\n' >/home/carol/.config/systemd/user/lab.timer
ln -s ../lab.timer /home/carol/.config/systemd/user/timers.target.wants/
chown -hR carol: /home/carol
mkdir -p /var/spool/cron/crontabs /var/lib/systemd/linger
echo '5 * * * * true' >/var/spool/cron/crontabs/carol
chown carol /var/spool/cron/crontabs/carol
chmod 600 /var/spool/cron/crontabs/carol
: >/var/lib/systemd/linger/carol
# Somebody else, who can still become root afterwards.
useradd -m -u 2001 -s /bin/bash dave
install -d -o dave -g dave -m 700 /home/dave/.ssh
echo 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICFcIxB8bxjMHxaF44pNlHoNFe0MlCtVyxxZ8Sc0MUjj dave' >/home/dave/.ssh/authorized_keys
echo 'dave ALL=(ALL:ALL) NOPASSWD: ALL' >/etc/sudoers.d/dave
chmod 440 /etc/sudoers.d/dave
chown dave: /home/dave/.ssh/authorized_keys
