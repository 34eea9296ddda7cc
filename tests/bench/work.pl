# SPDX-License-Identifier: MIT
# Fixed work for perl: hashes, regular expressions, sorting, strings.
my ($x, %count, $text) = (1, (), "");
for my $i (1 .. 30000) {
    $x = ($x * 1103515 + 12345) % 2147483;
    $count{"k" . $x % 1009} += $i;
    $text .= chr(97 + $x % 26) . ($x % 7 ? "" : " ");
}
my @order = sort { $count{$a} <=> $count{$b} || $a cmp $b } keys %count;
my $pairs = 0;
$pairs++ while $text =~ /([aeiou])[^aeiou ]+\1/g;
(my $upper = $text) =~ s/\b(\w)/\U$1/g;
my $lengths = 0;
$lengths += length for split / /, $text;
print join(" ", scalar(@order), @order[0 .. 9], $pairs, $lengths), "\n", substr($upper, 0, 200), "\n";
