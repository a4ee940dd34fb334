/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* What a test run costs where the program does nothing: the baseline of `program-*`. */
char LICENSE[] __attribute__((section("license"), used)) = "GPL";

__attribute__((section("tc"), used)) int empty(void *skb)
{
	return -1;
}
