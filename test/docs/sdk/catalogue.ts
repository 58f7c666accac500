import { createPolarCore } from '@polar-sh/sdk/2026-10';
import { createOrganizationsService } from '@polar-sh/sdk/2026-10/services/organizations';
import { createProductsService } from '@polar-sh/sdk/2026-10/services/products';
import { Router } from 'express';
import { type PolarAccess, requireLogin, sdkCore } from 'passport-polar-sh';

function polarAPI(access: PolarAccess) {
  const core = sdkCore(access, createPolarCore); // sends everything through access.fetch
  return { organizations: createOrganizationsService(core), products: createProductsService(core) };
}

export const catalogue = Router();
const loggedIn = requireLogin({ loginPath: '/auth/polar' });
catalogue.get('/organizations', loggedIn, async (req, res) => {
  const { items } = await polarAPI(req.polar).organizations.list({ limit: 100 });
  res.json(items.map(({ name }) => name));
});
catalogue.get('/products', loggedIn, async (req, res) => {
  const names: string[] = [];
  for await (const { name } of polarAPI(req.polar).products.iterList()) names.push(name); // every page
  res.json(names);
});
