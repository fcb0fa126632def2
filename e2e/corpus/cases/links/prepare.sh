#!/bin/sh
mkdir dir
echo in > dir/in
ln -s dir/in relative
ln -s dir into-dir
ln -s /etc/hostname out
ln -s missing dangling
ln -s self self
ln dir/in hard
