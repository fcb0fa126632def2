s/Hullo/Hello/
