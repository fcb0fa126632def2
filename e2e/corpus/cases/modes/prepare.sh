#!/bin/sh
mkdir -p empty/deeper private sticky
touch empty-file group-only writable
printf '#!/bin/sh\necho ran\n' > tool
cp tool setuid
cp tool private/key
chmod 700 private tool
chmod 1777 sticky
chmod 4755 setuid
chmod 600 private/key
chmod 654 group-only
chmod 666 writable
