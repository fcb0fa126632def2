import { constants, createZstdCompress, createZstdDecompress } from "node:zlib";
import type { Transform } from "node:stream";

/**
 * A compressor to zstd, level 3, in one thread and without the size in the header: the same bytes always give the same
 * bytes, for one version of zstd. It runs in Node.js's thread pool.
 */
export function zstdCompressor(): Transform {
  return createZstdCompress({
    chunkSize: 256 << 10,
    params: {
      [constants.ZSTD_c_compressionLevel]: 3,
      [constants.ZSTD_c_checksumFlag]: 0,
      [constants.ZSTD_c_nbWorkers]: 0,
    },
  });
}

/** Windows of up to 8 MiB, as RFC 8878 recommends that a decoder supports: more memory is not given to a frame. */
const maxWindowLog = 23;

/** A decompressor. It ends with an error at what is not zstd; who reads must count what comes out. */
export function zstdDecompressor(): Transform {
  return createZstdDecompress({
    chunkSize: 256 << 10,
    params: { [constants.ZSTD_d_windowLogMax]: maxWindowLog },
  });
}
