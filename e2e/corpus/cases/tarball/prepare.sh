#!/bin/sh
# A release as `make dist` leaves it.
mkdir hello-1.0
cd hello-1.0
cat > configure <<'END'
#!/bin/sh
echo "checking for a shell... yes"
sed "s|@prefix@|${1#--prefix=}|" hello.in > hello && chmod +x hello && echo "${1#--prefix=}" > config.status
END
cat > build <<'END'
#!/bin/sh -e
prefix=$(cat config.status)
case "$1" in
  install) root=${2#DESTDIR=}; mkdir -p "$root$prefix/bin"; cp hello "$root$prefix/bin/hello"; echo "installed in $prefix" ;;
  *) echo built ;;
esac
END
printf '#!/bin/sh\n# of @prefix@\necho "Hullo, $1!"\n' > hello.in
chmod +x configure build
cd ..
tar -czf hello-1.0.tar.gz hello-1.0
rm -r hello-1.0
