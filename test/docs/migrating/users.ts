/** A user of your app, in your own table. */
export interface User {
  id: string;
  email: string | undefined;
}

/** What the apps of this guide need of that table, which has a column for Polar's id of the user. */
export interface Users {
  byId(id: string): Promise<User | undefined>;
  /** The user with this id at Polar, or a new one. */
  findOrCreate(polarId: string, email: string | undefined): Promise<User>;
}
