#!/usr/bin/env perl
# A small write-ahead log in Perl, behind the driver protocol of walcrash.
#
#   walcrash run journal.toml
#
# A line of the journal is an MD5 sum and a record as JSON. Recovery takes whole lines up to the
# first that is none, and truncates the rest. A record is acknowledged when fsync has returned.
#
# With --keep-tail it is wrong: what a crash left of a line stays, and the next record is
# appended to it.
use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use Fcntl qw(O_RDWR O_CREAT O_RDONLY SEEK_SET);
use IO::Handle;
use JSON::PP;

my $keeps_tail = grep { $_ eq '--keep-tail' } @ARGV;
my $directory = $ARGV[-1];
my $json = JSON::PP->new->utf8->ascii->canonical;
my ($log, $end, @entries) = (undef, 0);

binmode $_ for *STDIN, *STDOUT;
STDOUT->autoflush(1);

sub sync_directory {
    sysopen(my $handle, $directory, O_RDONLY) or die "$directory: $!\n";
    $handle->sync or die "$directory: $!\n";
}

sub recover {
    sysopen($log, "$directory/journal", O_RDWR | O_CREAT, 0644) or die "journal: $!\n";
    my ($data, $got) = ('');
    do { $got = sysread($log, $data, 1 << 16, length $data) // die "journal: $!\n" } while $got;
    ($end, @entries) = (0);
    while ((my $newline = index($data, "\n", $end)) >= 0) {
        my ($sum, $text) = split / /, substr($data, $end, $newline - $end), 2;
        last if !defined $text || md5_hex($text) ne $sum;
        push @entries, [$end, $text];
        $end = $newline + 1;
    }
    if ($keeps_tail) { $end = length $data }
    else { truncate($log, $end) or die "journal: $!\n" }
    $log->sync or die "journal: $!\n";
    sync_directory();
}

sub append {
    my ($record) = @_;
    my $text = $json->encode($record);
    my $line = md5_hex($text) . " $text\n";
    sysseek($log, $end, SEEK_SET) or die "journal: $!\n";
    for (my $done = 0; $done < length $line;) {
        $done += syswrite($log, $line, length($line) - $done, $done) // die "journal: $!\n";
    }
    $log->sync or die "journal: $!\n";
    push @entries, [$end, $text];
    $end += length $line;
    return $entries[-1][0];
}

sub say_line { print $_[0], "\n" or exit 1 }

my %answers = (
    open => sub {
        recover();
        return { protocol => 1, name => 'journal', version => '1', supports => ['sync'] };
    },
    append => sub { { offset => append($_[0]{record}) } },
    sync => sub { {} },    # every append is durable already
    replay => sub {
        for my $entry (grep { $_->[0] >= $_[0]{from} } @entries) {
            say_line(qq({"offset":$entry->[0],"record":$entry->[1]}));
        }
        return { end => $end };
    },
    close => sub { {} },
);

while (defined(my $line = <STDIN>)) {
    my $request = $json->decode($line);
    my $answer = $answers{ $request->{do} };
    my $reply = eval { $answer ? $answer->($request) : die "there is no request $request->{do}\n" };
    my $error = $@;
    chomp $error;
    say_line($json->encode($reply ? { ok => JSON::PP::true, %$reply }
                                  : { ok => JSON::PP::false, error => $error }));
    exit 0 if $request->{do} eq 'close';
}
