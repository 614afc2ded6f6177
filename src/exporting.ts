import { ParquetFile } from './historian/parquet-file.ts'
import { fileDisk } from './system/file-disk.ts'

/** A Parquet file for commands beside the hub; see `ParquetFile`. @throws Error where it cannot be written */
export function createParquet(file: string): Promise<ParquetFile> {
  return ParquetFile.create(file, (one) => fileDisk.remove(one))
}
