# hello [LANGUAGE...]: greets in these languages, or in all. The compiler puts the function `greetings` in front, which
# fills `greeting` and `order`.
BEGIN {
  count = greetings()
  if (ARGC == 1) {
    for (i = 1; i <= count; i++) print order[i] ": " greeting[order[i]]
    exit
  }
  for (i = 1; i < ARGC; i++) {
    if (!(ARGV[i] in greeting)) {
      print "hello: nobody taught me " ARGV[i] > "/dev/stderr"
      failed = 1
    } else {
      print greeting[ARGV[i]]
    }
  }
  exit failed
}
