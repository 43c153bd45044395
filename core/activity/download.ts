/** Where a file of messages lies that an account asked for, and for how long. */

export const DOWNLOADS_PREFIX = 'downloads/';
/** As SendGrid's links. */
export const DOWNLOAD_DAYS = 3;

/** @param id a UUID, which nobody guesses; another account's is another key all the same */
export const downloadKey = (account: string, id: string) => `${DOWNLOADS_PREFIX}${account}/${id}.csv`;
