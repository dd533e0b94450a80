package kind

import (
	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/words"
)

// knownServer is what the common servers bring, as far as it is the same on Debian 11
// to 13 and root's own. The rest of it is known after apply.
func knownServer(name string, facts host.MachineFacts) (host.Provides, bool) {
	for _, known := range []func(string) (host.Provides, bool){webServer, database, gateway} {
		if p, ok := known(name); ok {
			return p, true
		}
	}
	return phpServer(name, facts.Release)
}

func webServer(name string) (host.Provides, bool) {
	switch name {
	case "nginx", "nginx-light", "nginx-core", "nginx-full", "nginx-extras":
		return host.Provides{
			Units: []host.Unit{service("nginx.service", multiUser)},
			Files: append(dirs("/etc/nginx", "", "/conf.d", "/modules-available", "/modules-enabled", "/sites-available", "/sites-enabled", "/snippets"),
				file("/etc/nginx/nginx.conf"), file("/etc/default/nginx"), dir("/var/www"), dir("/var/www/html")),
			Programs: []string{"nginx"},
		}, true
	case "apache2":
		return host.Provides{
			Units: []host.Unit{service("apache2.service", multiUser)},
			Files: append(dirs("/etc/apache2", "", "/conf-available", "/conf-enabled", "/mods-available", "/mods-enabled", "/sites-available", "/sites-enabled"),
				file("/etc/apache2/apache2.conf"), file("/etc/apache2/ports.conf"), dir("/var/www"), dir("/var/www/html")),
			Programs: []string{"apache2ctl", "apache2"},
		}, true
	case "certbot":
		timer := service("certbot.timer", unitDir+"timers.target.wants/")
		timer.Sub = "waiting"
		started := service("certbot.service")
		started.File, started.Active, started.Sub = "static", "inactive", "dead"
		return host.Provides{
			Units:    []host.Unit{timer, started},
			Files:    []host.ProvidedFile{dir("/etc/letsencrypt"), file("/etc/letsencrypt/cli.ini")},
			Programs: []string{"certbot"},
		}, true
	}
	return host.Provides{}, false
}

var (
	// postgresqlVersion and mariadbVersion are packages of one version, php those of
	// PHP's workers.
	postgresqlVersion = words.Pattern(`^postgresql-[0-9]+$`)
	mariadbVersion    = words.Pattern(`^mariadb-server-[0-9.]+$`)
	phpVersion        = words.Pattern(`^php([0-9]+\.[0-9]+)-fpm$`)
)

func database(name string) (host.Provides, bool) {
	switch {
	case name == "postgresql" || postgresqlVersion().MatchString(name):
		// The unit stands for those of the clusters.
		u := service("postgresql.service", multiUser)
		u.Sub = "exited"
		return host.Provides{
			Users:  []host.User{systemUser("postgres", "/var/lib/postgresql", "/bin/bash")},
			Groups: []host.Group{systemGroup("postgres"), systemGroup("ssl-cert")},
			Units:  []host.Unit{u},
			Files:  dirs("/etc/postgresql-common"),
		}, true
	case name == "redis-server" || name == "redis":
		return host.Provides{
			Users:    []host.User{systemUser("redis", "/var/lib/redis", debian.NoLogin)},
			Groups:   []host.Group{systemGroup("redis")},
			Units:    []host.Unit{service("redis-server.service", multiUser, unitDir+"redis.service")},
			Programs: []string{"redis-server"},
		}, true
	case name == "mariadb-server" || name == "default-mysql-server" || mariadbVersion().MatchString(name):
		return host.Provides{
			Users:  []host.User{systemUser("mysql", "/nonexistent", "/bin/false")},
			Groups: []host.Group{systemGroup("mysql")},
			Units:  []host.Unit{service("mariadb.service", multiUser)},
			Files:  dirs("/etc/mysql", "", "/conf.d", "/mariadb.conf.d"),
		}, true
	case name == "memcached":
		return host.Provides{
			Users:    []host.User{systemUser("memcache", "/nonexistent", "/bin/false")},
			Groups:   []host.Group{systemGroup("memcache")},
			Units:    []host.Unit{service("memcached.service", multiUser)},
			Files:    []host.ProvidedFile{file("/etc/memcached.conf"), file("/etc/default/memcached")},
			Programs: []string{"memcached"},
		}, true
	}
	return host.Provides{}, false
}

func gateway(name string) (host.Provides, bool) {
	switch name {
	case "haproxy":
		return host.Provides{
			Users:    []host.User{systemUser("haproxy", "/var/lib/haproxy", debian.NoLogin)},
			Groups:   []host.Group{systemGroup("haproxy")},
			Units:    []host.Unit{service("haproxy.service", multiUser)},
			Files:    append(dirs("/etc/haproxy", "", "/errors"), file("/etc/haproxy/haproxy.cfg"), file("/etc/default/haproxy")),
			Programs: []string{"haproxy"},
		}, true
	case "xrdp":
		return host.Provides{
			Users:  []host.User{systemUser("xrdp", "/run/xrdp", debian.NoLogin)},
			Groups: []host.Group{systemGroup("xrdp"), systemGroup("ssl-cert")},
			Units:  []host.Unit{service("xrdp.service", multiUser), service("xrdp-sesman.service", multiUser)},
			Files:  []host.ProvidedFile{dir("/etc/xrdp"), file("/etc/xrdp/xrdp.ini"), file("/etc/xrdp/sesman.ini")},
		}, true
	}
	return host.Provides{}, false
}

// phpOf is the version of PHP that php-fpm stands for, by release.
func phpOf(release string) []string {
	switch release {
	case "bullseye", "focal":
		return []string{"7.4"}
	case "jammy":
		return []string{"8.1"}
	case "bookworm":
		return []string{"8.2"}
	case "noble":
		return []string{"8.3"}
	case "trixie":
		return []string{"8.4"}
	case "": // no host: any of them can be meant
		return []string{"7.4", "8.1", "8.2", "8.3", "8.4"}
	}
	return nil
}

// phpServer is what PHP's workers for web servers bring, which carry their version in
// every name.
func phpServer(name, release string) (host.Provides, bool) {
	var versions []string
	if name == "php-fpm" {
		versions = phpOf(release)
	} else if m := phpVersion().FindStringSubmatch(name); m != nil {
		versions = m[1:]
	}
	p := host.Provides{}
	for _, v := range versions {
		p.Units = append(p.Units, service("php"+v+"-fpm.service", multiUser))
		p.Files = append(p.Files, dirs("/etc/php/"+v, "", "/fpm", "/fpm/conf.d", "/fpm/pool.d")...)
		p.Files = append(p.Files, file("/etc/php/"+v+"/fpm/php-fpm.conf"), file("/etc/php/"+v+"/fpm/pool.d/www.conf"))
		p.Programs = append(p.Programs, "php-fpm"+v)
	}
	if len(versions) > 0 {
		p.Files = append(p.Files, dir("/etc/php"))
	}
	return p, len(versions) > 0
}

func systemUser(name, home, shell string) host.User {
	return host.User{Name: name, UID: host.UnknownID, GID: host.UnknownID, Home: home, Shell: shell}
}

// dirs are directories of root's below one.
func dirs(top string, names ...string) []host.ProvidedFile {
	var out []host.ProvidedFile
	for _, n := range names {
		out = append(out, dir(top+n))
	}
	return out
}
