package kind

import (
	"opsafe/internal/debian"
	"opsafe/internal/host"
)

// knownServer is what the common servers bring, as far as it is the same on Debian 11
// to 13 and root's own. The rest of it is known after apply.
func knownServer(name string) (host.Provides, bool) {
	switch name {
	case "nginx":
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
	case "postgresql":
		// The unit stands for those of the clusters.
		u := service("postgresql.service", multiUser)
		u.Sub = "exited"
		return host.Provides{
			Users:  []host.User{systemUser("postgres", "/var/lib/postgresql", "/bin/bash")},
			Groups: []host.Group{systemGroup("postgres"), systemGroup("ssl-cert")},
			Units:  []host.Unit{u},
		}, true
	case "redis-server":
		return host.Provides{
			Users:    []host.User{systemUser("redis", "/var/lib/redis", debian.NoLogin)},
			Groups:   []host.Group{systemGroup("redis")},
			Units:    []host.Unit{service("redis-server.service", multiUser, unitDir+"redis.service")},
			Programs: []string{"redis-server"},
		}, true
	case "mariadb-server":
		return host.Provides{
			Users:  []host.User{systemUser("mysql", "/nonexistent", "/bin/false")},
			Groups: []host.Group{systemGroup("mysql")},
			Units:  []host.Unit{service("mariadb.service", multiUser)},
			Files:  dirs("/etc/mysql", "", "/conf.d", "/mariadb.conf.d"),
		}, true
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
