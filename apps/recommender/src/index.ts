export { recommenderConfig } from "./config.ts";
export type { RecommenderConfig } from "./config.ts";
export { startRecommender } from "./recommender.ts";
export type { Recommender, RecommenderDoors, RecommenderStatus } from "./recommender.ts";
