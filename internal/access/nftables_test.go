package access

import "testing"

// TestNftLets holds which packet filters certainly let people reach sshd.
func TestNftLets(t *testing.T) {
	t.Parallel()
	const (
		begin = "#!/usr/sbin/nft -f\n# ours\nflush ruleset\n\ntable inet filter {\n\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n"
		end   = "\n\t}\n\tchain forward {\n\t\ttype filter hook forward priority filter; policy drop;\n\t}\n\tchain output {\n\t\ttype filter hook output priority filter;\n\t}\n}\n"
		known = "ct state established,related accept\n"
		stock = "flush ruleset\ntable inet filter {\n chain input {\n  type filter hook input priority filter;\n }\n chain output {\n  type filter hook output priority 0; policy accept;\n }\n}\n"
	)
	for _, text := range []string{
		"", "# nothing\n", "flush ruleset\n", stock, stock + "table ip nat { chain x { type nat hook postrouting priority 100; policy accept; } }\n",
		begin + "tcp dport 22 accept" + end, begin + known + "tcp dport ssh ct state new accept" + end, begin + known + "ct state invalid drop\niif lo accept\niifname \"lo\" accept\nicmp type echo-request accept\nmeta l4proto { icmp, ipv6-icmp } accept\nudp dport 53 drop\ntcp dport { 80, 22, 443 } ct state new counter accept" + end,
		begin + "ct state vmap { established : accept, related : accept, invalid : drop }\ntcp dport {\n 22,\n 80\n} accept comment \"web\"\nlog prefix \"dropped \" level info drop" + end, begin + "tcp dport 20-30 accept\nip saddr 10.0.0.0/8 drop" + end,
		begin + known + "ip saddr 10.0.0.0/8 tcp dport 9100 accept\ntcp dport { http, https } accept\ntcp dport 22 log prefix \"ssh \" accept" + end, begin + "ip protocol icmp accept; ip6 nexthdr icmpv6 accept; tcp dport 22 accept; reject" + end,
		"table ip f { chain i { type filter hook input priority 0; policy accept; tcp dport 25 drop; } }\n",
	} {
		if !nftLets(text, []int{22}) {
			t.Errorf("%s: is taken for one that may keep people out", text)
		}
	}
	for _, text := range []string{
		"table inet f { chain i { type filter hook input priority 0; policy drop; } }", begin + known + "tcp dport 80 accept" + end, begin + known + "tcp dport 2222 accept" + end, begin + "tcp dport 22 ct state new accept" + end,
		begin + known + "ip saddr 10.0.0.0/8 tcp dport 22 accept" + end, begin + known + "iif eth0 tcp dport 22 accept" + end, begin + "drop\ntcp dport 22 accept" + end, begin + known + "iif lo tcp dport 22 accept" + end,
		begin + known + "tcp dport 22 drop" + end, begin + known + "jump more\ntcp dport 22 accept" + end, begin + known + "tcp dport 22 limit rate 1/hour accept" + end, begin + "ip saddr 10.0.0.0/8 drop\ntcp dport 22 accept" + end,
		begin + known + "udp dport 22 accept" + end, begin + known + "tcp sport 22 accept" + end, begin + known + "tcp dport != 22 accept" + end, "include \"/etc/more.nft\"\n" + stock, "define x = 22\n" + stock,
		"table inet f { chain o { type filter hook output priority 0; policy drop; } }", "table inet f { chain i { type filter hook input priority 0; tcp dport 1-1024 drop; } }", "table inet f { chain i { type filter hook prerouting priority 0; policy drop; tcp dport 22 accept; } }",
		"table inet f { chain i { type nat hook prerouting priority 0; tcp dport 22 redirect to :23; } }", "table netdev f { chain i { type filter hook ingress device eth0 priority 0; policy drop; } }", "table inet f { set s { type ipv4_addr; } }", "nonsense\n", begin + "tcp dport 22 accept",
		begin + known + "tcp dport 22 reject with tcp reset" + end, begin + known + "ct state vmap { new : drop }\ntcp dport 22 accept" + end, begin + "tcp dport vmap { 22 : drop }\naccept" + end, begin + "#tcp dport 22 accept" + end, "table inet f { chain o { type filter hook output priority 0; tcp sport 22 drop; } }",
		"add rule inet f i drop\n", begin + "meta l4proto tcp drop\ntcp dport 22 accept" + end, begin + "tcp flags syn drop\ntcp dport 22 accept" + end, begin + known + "tcp dport { 80, @allowed } accept" + end,
	} {
		if nftLets(text, []int{22}) {
			t.Errorf("%s: is taken for one that lets everybody in", text)
		}
	}
	if nftLets(stock, nil) || !nftLets(begin+"tcp dport { 22, 2222 } accept"+end, []int{22, 2222}) || nftLets(begin+"tcp dport 22 accept"+end, []int{22, 2222}) {
		t.Error("sshd's ports are not those")
	}
}
